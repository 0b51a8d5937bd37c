package flow

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// mark gives the event the token of the flow that it is published in, unless it has one, as an outbox row has. What goes
// to every instance belongs to no flow.
func mark(ctx context.Context, p *bus.Publication) {
	if p.Event.Debug == "" && p.Exchange != bus.Control {
		p.Event.Debug = debug.Token(ctx)
	}
}

// enter begins the flow of a delivery: by its token, or because a lease is for its trace.
func (f *Flow) enter(ctx context.Context, d *bus.Delivery) (context.Context, func()) {
	token := d.Debug
	d.Debug = "" // a handler has no use for it, and could let it out
	ctx, end := f.Client.Flows.Enter(ctx, token)
	if !f.Client.Flows.Matching() {
		return ctx, end
	}
	ctx, more := f.Client.Flows.Match(ctx, debug.Request{Trace: trace.SpanContextFromContext(ctx).TraceID()})
	return ctx, func() { more(); end() }
}

// ended reports how a try of the handler ended. One that was cut short because the instance stops is no failure.
func (f *Flow) ended(ctx context.Context, queue string, d bus.Delivery, took time.Duration, err error) {
	f.Client.Failures.Ended(ctx, err != nil && ctx.Err() == nil, took, func() string {
		return "handler of " + d.Type + " in " + queue + ": " + errorType(err)
	})
}
