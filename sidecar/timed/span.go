package timed

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// startSpan starts the attempt's span. Its parent is what the bus's delivery runs in; to the span that published the fire
// it has a link, as the conventions of messaging want it, so that it is found where the trace is another.
func (t *Timed) startSpan(ctx context.Context, d bus.Delivery, f Fire) (context.Context, trace.Span) {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("signalbox.schedule", f.Schedule), attribute.String("signalbox.fire.id", f.ID),
		attribute.Int("signalbox.fire.attempt", f.Attempt), attribute.Bool("signalbox.fire.manual", f.Manual))}
	if published := tracing.Sender(propagation.MapCarrier(d.Headers)); published.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: published}))
	}
	return t.tracer.Start(ctx, "timed "+f.Schedule, options...)
}

func endSpan(span trace.Span, outcome string) {
	span.SetAttributes(attribute.String("signalbox.fire.outcome", outcome))
	switch outcome {
	case outcomeFailed, outcomeDeadline, outcomeCancelled, outcomeInterrupted:
		span.SetStatus(codes.Error, outcome)
	}
}
