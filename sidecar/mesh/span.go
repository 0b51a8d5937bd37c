package mesh

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// start begins the span of a call; nil where there is none to begin: under a span that is not sampled only its context is
// handed on.
func (d *destination) start(ctx context.Context, name string) (context.Context, trace.Span) {
	m := d.mesh
	if m.tracer == nil {
		return ctx, nil
	}
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() && !parent.IsSampled() {
		return ctx, nil
	}
	ctx, span := m.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("server.address", d.service))
	}
	return ctx, span
}

// finish ends the span of a call; failed is why the call is an error, "" where it is none.
func finish(span trace.Span, failed string, attributes func() []attribute.KeyValue) {
	if span == nil {
		return
	}
	if span.IsRecording() {
		span.SetAttributes(attributes()...)
		if failed != "" {
			span.SetStatus(codes.Error, failed)
		}
	}
	span.End()
}

func tracerOf(p trace.TracerProvider) trace.Tracer {
	if _, none := p.(tracenoop.TracerProvider); none {
		return nil
	}
	return p.Tracer("github.com/signalbox-mesh/signalbox/sidecar/mesh")
}
