package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// TraceHeader names the trace on every answer, so that a caller can quote it.
const TraceHeader = "X-Trace-Id"

// statusAborted is logged for an exchange that the handler broke off before it answered.
const statusAborted = 499

// step is one middleware of the chain.
type step func(w *writer, r *http.Request)

// chain is the order of the package comment, read from the inside out.
func (a *API) chain() http.Handler {
	inner := caught(a.route)
	return recovered(a.traced(a.measured(a.logged(inner))))
}

// recovered is the outermost: nothing of the chain reaches the server as a panic but ErrAbortHandler,
// which is the server's own.
func recovered(next step) http.Handler {
	return http.HandlerFunc(func(base http.ResponseWriter, r *http.Request) {
		w := &writer{ResponseWriter: base}
		defer func() {
			if v := recover(); v != nil {
				fail(w, r, v)
			}
		}()
		next(w, r)
	})
}

// caught turns a handler's panic into a 500, with its stack as the cause.
func caught(next step) step {
	return func(w *writer, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				fail(w, r, v)
			}
		}()
		next(w, r)
	}
}

func fail(w *writer, r *http.Request, v any) {
	if err, ok := v.(error); ok && (errors.Is(err, http.ErrAbortHandler) || w.gone) {
		if w.status == 0 {
			w.status = statusAborted
		}
		panic(http.ErrAbortHandler) // huma panics when it cannot write to a client that left
	}
	err := &panicError{value: v, stack: debug.Stack()}
	if w.status != 0 { // too late for another answer
		w.Cause(err)
		panic(http.ErrAbortHandler)
	}
	problem.Write(w, r, err)
}

// panicError is the cause of a 500 that a panic made.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// traced continues the caller's trace with a span of its own.
func (a *API) traced(next step) step {
	return func(w *writer, r *http.Request) {
		if a.quiet(r) {
			next(w, r)
			return
		}
		ctx := a.settings.Propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		method := telemetry.Method(r.Method)
		ctx, span := a.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("url.path", r.URL.Path)))
		if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
			w.Header().Set(TraceHeader, sc.TraceID().String())
		}
		defer func() { finish(span, w, method, r) }()
		next(w, r.WithContext(ctx))
	}
}

func finish(span trace.Span, w *writer, method string, r *http.Request) {
	if span.IsRecording() {
		route := routeOf(w.request)
		span.SetName(method + " " + route)
		span.SetAttributes(
			attribute.String("http.route", route),
			attribute.Int("http.response.status_code", statusOr200(w.status)),
			attribute.String("network.protocol.version", strings.TrimPrefix(r.Proto, "HTTP/")),
			attribute.String("client.address", r.RemoteAddr),
			attribute.String("user_agent.original", r.UserAgent()),
		)
		if w.status >= 500 {
			span.SetStatus(codes.Error, http.StatusText(w.status))
		}
	}
	span.End()
}

// measured makes the RED metrics.
func (a *API) measured(next step) step {
	return func(w *writer, r *http.Request) {
		began := time.Now()
		method := telemetry.Method(r.Method)
		end := a.metrics.Begin(method)
		defer func() {
			end()
			a.metrics.Observe(r.Context(), telemetry.Exchange{
				Method: method, Route: routeOf(w.request), Status: statusOr200(w.status),
				Duration: time.Since(began), Read: w.read, Written: w.written,
			})
		}()
		next(w, r)
	}
}

// logged writes one line a request: DEBUG, or ERROR with the cause where the answer is a 5xx. It is the bound of the
// request's flow, which has the line in it.
func (a *API) logged(next step) step {
	return func(w *writer, r *http.Request) {
		began := time.Now()
		r = a.entered(w, r)
		defer func() {
			took := time.Since(began)
			a.line(w, r, took)
			a.ended(w, r, took)
		}()
		next(w, r)
	}
}

func (a *API) line(w *writer, r *http.Request, took time.Duration) {
	if a.quiet(r) && !isPanic(w.cause) {
		return
	}
	level, text := slog.LevelDebug, "request handled"
	if ours(w) {
		level, text = slog.LevelError, "request failed"
	}
	ctx := w.lineContext(r)
	if !a.settings.Logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("route", routeOf(w.request)),
		slog.String("path", r.URL.Path),
		slog.Int("status", statusOr200(w.status)),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.Int64("bytes", w.written),
	)
	a.settings.Logger.LogAttrs(ctx, level, text, append(attrs, why(w)...)...)
}

// why adds who called and what went wrong.
func why(w *writer) []slog.Attr {
	var attrs []slog.Attr
	if w.subject != "" {
		attrs = append(attrs, slog.String("user_id", w.subject))
	}
	if w.cause != nil {
		attrs = append(attrs, slog.String("err", w.cause.Error()))
	}
	var p *panicError
	if errors.As(w.cause, &p) {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	return attrs
}

// ours says whether the request ended with an error of ours, also one that came too late for the status.
func ours(w *writer) bool { return (w.status >= 500 && !w.quiet) || isPanic(w.cause) }

func isPanic(err error) bool {
	if err == nil {
		return false // as with nearly every request: what follows allocates
	}
	var p *panicError
	return errors.As(err, &p)
}

// route leaves the request where the mux puts the pattern.
func (a *API) route(w *writer, r *http.Request) {
	w.request = r
	a.mux.ServeHTTP(w, r)
}

// routeOf is the path of the pattern that matched: a small, known set of label values.
func routeOf(r *http.Request) string {
	if r == nil || r.Pattern == "" {
		return "other"
	}
	if i := strings.IndexByte(r.Pattern, '/'); i > 0 {
		return r.Pattern[i:]
	}
	return r.Pattern
}

func statusOr200(status int) int {
	if status == 0 {
		return http.StatusOK
	}
	return status
}

// gated answers 503 while the service is not ready. No line is written for it: /hc says why, and a
// client that waits would fill the log.
func (a *API) gated(next http.Handler) http.Handler {
	gate := a.settings.Gate
	if gate == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := gate(); err != nil {
			own(w).quiet = true
			problem.Write(w, r, problem.Wrap(problem.Unavailable, "the service is not ready yet; try again", err))
			return
		}
		next.ServeHTTP(w, r)
	})
}
