package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// TraceHeader names the trace on every answer, so that a caller can quote it.
const TraceHeader = "X-Trace-Id"

// statusAborted is logged for an exchange that the handler broke off before it answered, or whose caller had gone by then.
const statusAborted = 499

// chain is the order of the package comment. One step calls the next, and nothing is made for a request but what is kept
// of it.
func (a *API) chain() http.Handler { return http.HandlerFunc(a.recovered) }

// recovered is the outermost: nothing of the chain reaches the server as a panic but ErrAbortHandler,
// which is the server's own.
func (a *API) recovered(base http.ResponseWriter, r *http.Request) {
	w := &writer{ResponseWriter: base, began: time.Now(), method: telemetry.Method(r.Method), telemetry: a.telemetry[r.URL.Path]}
	defer w.recover(r)
	a.traced(w, r)
}

// caught turns a handler's panic into a 500, with its stack as the cause.
func (a *API) caught(w *writer, r *http.Request) {
	defer w.recover(r)
	a.route(w, r)
}

// recover is to be deferred.
func (w *writer) recover(r *http.Request) {
	if v := recover(); v != nil {
		fail(w, r, v)
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
func (a *API) traced(w *writer, r *http.Request) {
	w.context.Context = r.Context()
	if w.telemetry {
		a.measured(w, r)
		return
	}
	w.context.Context = a.incoming.Start(w.context.Context, &w.arrival, propagation.HeaderCarrier(r.Header),
		tracing.What{Name: w.method, Kind: trace.SpanKindServer, Method: w.method, Path: r.URL.Path, Began: w.began})
	if sc := w.arrival.Span().SpanContext(); sc.HasTraceID() {
		w.traceID[0] = sc.TraceID().String()
		w.Header()[TraceHeader] = w.traceID[:]
	}
	defer w.finish(r)
	a.measured(w, r)
}

// finish ends the span.
func (w *writer) finish(r *http.Request) {
	span := w.arrival.Span()
	if w.status >= 500 && span.IsRecording() || ours(w) {
		span.SetStatus(codes.Error, http.StatusText(w.status))
	}
	if span.IsRecording() {
		route := routeOf(w.request)
		span.SetName(w.method + " " + route)
		span.SetAttributes(
			attribute.String("http.request.method", w.method),
			attribute.String("url.path", r.URL.Path),
			attribute.String("http.route", route),
			attribute.Int("http.response.status_code", statusOr200(w.status)),
			attribute.String("network.protocol.version", strings.TrimPrefix(r.Proto, "HTTP/")),
			attribute.String("client.address", r.RemoteAddr),
			attribute.String("user_agent.original", r.UserAgent()),
		)
	}
	span.End()
}

// measured makes the RED metrics.
func (a *API) measured(w *writer, r *http.Request) {
	active := a.metrics.Active(w.method)
	active.Inc()
	defer a.observe(w, active)
	a.logged(w, r)
}

func (a *API) observe(w *writer, active prometheus.Gauge) {
	active.Dec()
	a.metrics.Observe(w.context.Context, telemetry.Exchange{Method: w.method, Route: routeOf(w.request), Status: statusOr200(w.status),
		Duration: w.took, Read: w.read, Written: w.written})
}

// logged writes one line a request: DEBUG, or ERROR with the cause where the answer is a 5xx. It is the bound of the
// request's flow, which has the line in it. From here on the request has the chain's context, and with it the room for
// its caller.
func (a *API) logged(w *writer, r *http.Request) {
	a.enter(w, r)
	defer w.hop(r)()
	w.copied = *r.WithContext(&w.context) // not an allocation of its own
	r = &w.copied
	defer a.settle(w, r)
	a.caught(w, r)
}

// settle says how the request ended.
func (a *API) settle(w *writer, r *http.Request) {
	w.took = time.Since(w.began)
	a.line(w, r)
	a.ended(w, r)
}

func (a *API) line(w *writer, r *http.Request) {
	if w.telemetry && !isPanic(w.cause) {
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
		slog.Float64("duration_ms", float64(w.took.Microseconds())/1000),
		slog.Int64("bytes", w.written),
	)
	a.settings.Logger.LogAttrs(ctx, level, text, append(attrs, why(w)...)...)
}

// why adds who called and what went wrong.
func why(w *writer) []slog.Attr {
	var attrs []slog.Attr
	if user := w.context.Caller().Subject; user != "" {
		attrs = append(attrs, slog.String("user_id", user))
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
