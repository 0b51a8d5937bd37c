package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// enter begins the flow of a request that came with a token: what the gateway let through is one of the mesh's own.
// The handler does not see it, and so cannot send it elsewhere.
func (a *API) enter(w *writer, r *http.Request) {
	tokens := r.Header[debug.Header]
	if tokens == nil {
		return
	}
	delete(r.Header, debug.Header)
	if !w.telemetry {
		w.context.Context, w.leave = a.settings.Flows.Enter(w.context.Context, strings.Join(tokens, ","))
	}
}

// hop takes over what the client of another service said of the call: how much time is left, and that it is tried again.
func (w *writer) hop(r *http.Request) (done context.CancelFunc) {
	timeout, attempt := r.Header[hop.Timeout], r.Header[hop.Attempt]
	if timeout == nil && attempt == nil {
		return nothing
	}
	w.context.Context, done = hop.Enter(w.context.Context, strings.Join(timeout, ","), strings.Join(attempt, ","))
	return done
}

func nothing() {}

// spent says in a failed answer that what it failed of has been tried again already.
func (w *writer) spent(status int) {
	if status >= http.StatusInternalServerError && w.context.Context != nil && hop.Spent(w.context.Context) {
		w.Header()[hop.Retry] = []string{hop.No}
	}
}

// matched begins a flow where a lease is for the request: its route and its verified caller (zero: nobody) are known by
// now.
func (a *API) matched(w *writer, r *http.Request, p access.Principal) context.Context {
	ctx := r.Context()
	if !a.settings.Flows.Matching() || w.telemetry {
		return ctx
	}
	next, end := a.settings.Flows.Match(ctx, debug.Request{
		User: p.Subject, Tenant: p.Tenant, Method: r.Method, Route: routeOf(r), Header: r.Header.Get, Trace: trace.SpanContextFromContext(ctx).TraceID(),
	})
	if next == ctx {
		return ctx
	}
	w.matched = next // the access line belongs to the flow too
	if first := w.leave; first != nil {
		w.leave = func() { end(); first() }
	} else {
		w.leave = end
	}
	return next
}

// ended says how the request ended, and ends its flow. A stream's time says nothing, and a service that is not ready yet
// is no failure of the request.
func (a *API) ended(w *writer, r *http.Request) {
	if w.leave != nil {
		defer w.leave()
	}
	if a.settings.Failures == nil || w.telemetry {
		return
	}
	took := w.took
	if w.streamed() {
		took = 0
	}
	a.settings.Failures.Ended(r.Context(), ours(w), took, func() string {
		return r.Method + " " + routeOf(w.request) + ": " + strconv.Itoa(statusOr200(w.status))
	})
}

// lineContext is the one that the access line is written with.
func (w *writer) lineContext(r *http.Request) context.Context {
	if w.matched != nil {
		return w.matched
	}
	return r.Context()
}

// streamed says whether the answer is one that goes on for as long as somebody listens.
func (w *writer) streamed() bool {
	return w.status == http.StatusSwitchingProtocols || strings.HasPrefix(w.Header().Get("Content-Type"), "text/event-stream")
}
