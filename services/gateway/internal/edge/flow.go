package edge

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// dropDebug takes the debug token out of a request from outside, whatever becomes of the request: only the mesh stamps.
func (e *Edge) dropDebug(h http.Header) {
	if h[debug.Header] != nil {
		delete(h, debug.Header)
		e.metrics.stamped.Inc()
	}
}

// match begins a flow where a debug lease is for the request. The caller is verified, and what only we may say is gone.
func (e *Edge) match(ctx context.Context, r *http.Request, x *exchange) context.Context {
	if !e.Flows.Matching() {
		return ctx
	}
	ctx, x.leave = e.Flows.Match(ctx, debug.Request{
		User: x.caller.Subject, Tenant: x.caller.Tenant, Method: r.Method, Route: x.route.Pattern, Header: r.Header.Get,
		Trace: trace.SpanContextFromContext(ctx).TraceID(),
	})
	return ctx
}

// forward is the proxy, with the one line that it has to say of a request while somebody debugs it.
func (e *Edge) forward(w *writer, r *http.Request, x *exchange) {
	began := time.Now()
	e.proxy.ServeHTTP(w, r)
	if e.Logger.Enabled(r.Context(), slog.LevelDebug) {
		e.Logger.DebugContext(r.Context(), "request forwarded", slog.String("to", x.route.Service), slog.Int("status", w.status),
			slog.Float64("duration_ms", float64(time.Since(began).Microseconds())/1000))
	}
}

// stamp adds the token of the request's flow to what its service gets.
func stamp(ctx context.Context, h http.Header) {
	if token := debug.Token(ctx); token != "" {
		h.Set(debug.Header, token)
	}
}

// ended reports how the exchange ended, and ends its flow. A maintenance window is no failure, and a stream's time says
// nothing.
func (e *Edge) ended(w *writer, r *http.Request, x *exchange, pattern string, status int, took time.Duration) {
	if x.leave != nil {
		defer x.leave()
	}
	if x.endless() {
		took = 0
	}
	e.Failures.Ended(r.Context(), status >= 500 && !w.planned || w.broken, took, func() string {
		return r.Method + " " + pattern + ": " + strconv.Itoa(status)
	})
}
