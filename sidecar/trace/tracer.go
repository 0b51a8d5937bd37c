package trace

import (
	"context"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// tracers is the sidecar's trace.TracerProvider: the SDK's for what is sampled, light spans for the rest.
type tracers struct {
	embedded.TracerProvider
	provider *Provider
}

// Tracer implements trace.TracerProvider.
func (t *tracers) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	return &tracer{provider: t.provider, sdk: t.provider.sdk.Tracer(name, options...)}
}

type tracer struct {
	embedded.Tracer
	provider *Provider
	sdk      trace.Tracer
}

// Start implements trace.Tracer.
func (t *tracer) Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	if ctx == nil {
		ctx = context.Background()
	}
	above := trace.SpanFromContext(ctx)
	parent := above.SpanContext()
	if parent.IsSampled() && !t.provider.off {
		return t.sdk.Start(ctx, name, options...)
	}
	kind, began, anew := shape(options)
	if anew {
		above, parent = nil, trace.SpanContext{}
		ctx = trace.ContextWithSpanContext(ctx, parent)
	}
	l := &light{tracer: t, parent: parent, kind: kind, name: name, began: began, options: options}
	if in, ok := above.(*light); ok {
		l.root = in.root
		l.own = in.own.WithSpanID(newSpanID())
	} else if !parent.IsValid() {
		id := newTraceID()
		sampled := t.provider.sampler.takes(id, name, options)
		if sampled && !t.provider.off {
			return t.begin(ctx, id, newSpanID(), name, options...)
		}
		l.own = rootOf(id, sampled)
	} else {
		l.own = childOf(parent)
	}
	t.settle(ctx, l)
	return trace.ContextWithSpan(ctx, l), l
}

// begin starts a sampled trace whose id is given. The context returned has no more of it than the span.
func (t *tracer) begin(ctx context.Context, id trace.TraceID, span trace.SpanID, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	_, s := t.sdk.Start(&forced{Context: ctx, trace: id, span: span}, name, options...)
	return trace.ContextWithSpan(ctx, s), s
}

// settle completes a span that begins: of its trace's root, and whether something is known already that promotes it.
func (t *tracer) settle(ctx context.Context, l *light) {
	if l.root == nil {
		l.root = l
		if t.provider.failed.has(l.own.TraceID()) {
			l.why.Store(uint32(Failed))
		}
	}
	if t.provider.debugged(ctx) {
		l.promote(Debug)
	}
}

// rootOf is the context of a span that begins a trace.
func rootOf(id trace.TraceID, sampled bool) trace.SpanContext {
	c := trace.SpanContextConfig{TraceID: id, SpanID: newSpanID()}
	if sampled {
		c.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(c)
}

// childOf is the context of a child of what came from elsewhere.
func childOf(parent trace.SpanContext) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: parent.TraceID(), SpanID: newSpanID(),
		TraceFlags: parent.TraceFlags(), TraceState: parent.TraceState()})
}

// shape reads of the options what a light span has to know; began is now where they do not say. Attributes are passed
// over: reading them allocates.
func shape(options []trace.SpanStartOption) (kind trace.SpanKind, began time.Time, anew bool) {
	kind = trace.SpanKindInternal
	for _, o := range options {
		if _, event := o.(trace.EventOption); event {
			if _, timestamp := o.(trace.SpanEventOption); !timestamp {
				continue
			}
		}
		c := trace.NewSpanStartConfig(o)
		if c.SpanKind() != trace.SpanKindUnspecified {
			kind = c.SpanKind()
		}
		if !c.Timestamp().IsZero() {
			began = c.Timestamp()
		}
		anew = anew || c.NewRoot()
	}
	if began.IsZero() {
		began = time.Now()
	}
	return kind, began, anew
}

// inherited is the SDK's sampler: what comes to the SDK has been decided about, but for spans that somebody starts
// by the SDK's own provider, which a sampled span tells.
type inherited struct{ *sampler }

// ShouldSample implements sdktrace.Sampler.
func (s inherited) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	parent := trace.SpanContextFromContext(p.ParentContext)
	result := sdktrace.SamplingResult{Decision: sdktrace.Drop, Tracestate: parent.TraceState()}
	_, given := p.ParentContext.Value(forcedKey{}).(*forced)
	if given || parent.IsSampled() || !parent.IsValid() && s.meets(p.TraceID, p.Name, p.Attributes) {
		result.Decision = sdktrace.RecordAndSample
	}
	return result
}

// Description implements sdktrace.Sampler.
func (inherited) Description() string { return "SignalboxLeased" }
