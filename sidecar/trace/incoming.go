package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Incoming starts the spans of what comes into the process: requests, calls, events. On our own provider and propagator
// it allocates nothing for an Arrival whose trace is not sampled but the context that it returns; on others it does
// what they do. Safe for concurrent use.
type Incoming struct {
	own        *tracer // nil: other
	headers    *propagator
	other      trace.Tracer
	propagator propagation.TextMapPropagator
}

// NewIncoming is for the instrumentation of that name.
func NewIncoming(scope string, provider trace.TracerProvider, p propagation.TextMapPropagator) *Incoming {
	in := &Incoming{other: provider.Tracer(scope), propagator: p}
	headers, ok := p.(*propagator)
	if own, ours := in.other.(*tracer); ours && ok {
		in.own, in.headers = own, headers
	}
	return in
}

// What came in, and how its span begins.
type What struct {
	Name   string // of the span
	Kind   trace.SpanKind
	Method string // of an HTTP request, with its Path: rules of sampling are for routes
	Path   string
	Began  time.Time
	Linked bool // the span gets a link to its parent, as consumers' have it
}

// Arrival is one thing that came in. It may be a part of what its owner keeps of it, and must not be copied.
type Arrival struct {
	light light
	span  trace.Span
	above context.Context //nolint:containedctx // an Arrival is the context of its span
}

// Span of it, once it is started.
func (a *Arrival) Span() trace.Span { return a.span }

// Fail promotes the trace from here on, if it was not sampled: it ends with an error of ours, or is about to.
func (a *Arrival) Fail() {
	if a.span != nil && a.span == trace.Span(&a.light) {
		a.light.promote(Failed)
	}
}

// Start continues the trace that from tells of, or begins one.
func (in *Incoming) Start(ctx context.Context, a *Arrival, from propagation.TextMapCarrier, w What) context.Context {
	if in.own == nil {
		ctx = in.propagator.Extract(ctx, from)
		parent := trace.SpanContextFromContext(ctx)
		ctx, a.span = in.other.Start(ctx, w.Name, trace.WithSpanKind(w.Kind), trace.WithTimestamp(w.Began))
		link(a.span, parent, w)
		return ctx
	}
	parent, open, bag := in.headers.read(from)
	if bag.Len() > 0 {
		ctx = baggage.ContextWithBaggage(ctx, bag)
	}
	if !parent.IsValid() {
		parent = trace.SpanContextFromContext(ctx)
	}
	return in.own.arrive(ctx, a, parent, open, w)
}

// arrive starts the span of what has this parent, which has left the decision open or not.
func (t *tracer) arrive(ctx context.Context, a *Arrival, parent trace.SpanContext, open bool, w What) context.Context {
	l := &a.light
	var sampled bool
	if parent.IsValid() {
		l.own = childOf(parent)
		sampled = parent.IsSampled() || open && t.provider.sampler.request(l.own.TraceID(), w.Name, w.Method, w.Path)
	} else {
		id := newTraceID()
		sampled = t.provider.sampler.request(id, w.Name, w.Method, w.Path)
		l.own = rootOf(id, sampled)
	}
	if sampled && t.provider.off {
		l.own = l.own.WithTraceFlags(l.own.TraceFlags() | trace.FlagsSampled)
	} else if sampled {
		above := ctx
		if parent.IsValid() {
			above = trace.ContextWithSpanContext(ctx, parent)
		}
		ctx, a.span = t.begin(above, l.own.TraceID(), l.own.SpanID(), w.Name, trace.WithSpanKind(w.Kind), trace.WithTimestamp(w.Began))
		link(a.span, parent, w)
		return ctx
	}
	l.tracer, l.parent, l.kind, l.name, l.began, l.linked = t, parent, w.Kind, w.Name, w.Began, w.Linked
	t.settle(ctx, l)
	a.span = l
	a.above = ctx
	return (*arrival)(a)
}

// arrival is the context of a light span that came in: trace.ContextWithSpan without an allocation.
type arrival Arrival

// Deadline implements context.Context.
func (a *arrival) Deadline() (time.Time, bool) { return a.above.Deadline() }

// Done implements context.Context.
func (a *arrival) Done() <-chan struct{} { return a.above.Done() }

// Err implements context.Context.
func (a *arrival) Err() error { return a.above.Err() }

// Value implements context.Context.
func (a *arrival) Value(key any) any {
	if key == a.light.tracer.provider.spanKey {
		return &a.light
	}
	return a.above.Value(key)
}

// keyOfSpan is what the API of traces looks a context's span up by, which it keeps for itself: it is asked of a context
// that remembers it.
func keyOfSpan() any {
	asked := &asked{Context: context.Background()}
	trace.SpanFromContext(asked)
	return asked.key
}

type asked struct {
	context.Context
	key any
}

// Value implements context.Context.
func (a *asked) Value(key any) any {
	a.key = key
	return nil
}

func link(span trace.Span, parent trace.SpanContext, w What) {
	if w.Linked && parent.IsValid() {
		span.AddLink(trace.Link{SpanContext: parent})
	}
}
