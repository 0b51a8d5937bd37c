package flow

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

const scope = "github.com/signalbox-mesh/signalbox/sidecar/bus"

type carrier = propagation.MapCarrier

// operation is a span and the metrics that end with it.
type operation struct {
	trace.Span
	start   time.Time
	done    func(o *operation, seconds float64, errorType string)
	arrived tracing.Arrival // of a delivery: its Span
	cut     bool            // the try was cut short because the instance stops, which is no error of ours
}

func (o *operation) end(err error) {
	kind := errorType(err)
	if err != nil && (!o.cut || o.IsRecording()) {
		o.SetStatus(codes.Error, Reason(err)) // promotes the trace of a delivery, before attributes are set
		o.SetAttributes(attribute.String("error.type", kind))
	}
	o.done(o, time.Since(o.start).Seconds(), kind)
	o.End()
}

// startPublish continues the caller's span; where it has none, what the event's headers carry: of an outbox row that is
// the span that added it. To what the headers carry the span has a link, too.
func (f *Flow) startPublish(ctx context.Context, p bus.Publication) (context.Context, *operation) {
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindProducer)}
	created := f.Client.Propagator.Extract(context.Background(), carrier(p.Event.Headers))
	if from := trace.SpanContextFromContext(created); from.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: from}))
	}
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = f.Client.Propagator.Extract(ctx, carrier(p.Event.Headers))
	}
	to := destination(p.Exchange)
	ctx, span := f.tracer.Start(ctx, "publish "+to, options...)
	return ctx, &operation{Span: span, start: time.Now(), done: func(o *operation, s float64, kind string) {
		f.passed(ctx, time.Duration(s*float64(time.Second)), kind)
		f.Metrics.Sent.WithLabelValues("publish", to, kind).Inc()
		telemetry.ObserveIn(o.SpanContext(), f.Metrics.Operation.WithLabelValues("publish", "send", to, kind), s)
		if kind == "unroutable" {
			f.Metrics.Unroutable.WithLabelValues(to).Inc()
		}
		if o.IsRecording() {
			o.SetAttributes(
				attribute.String("messaging.system", f.system),
				attribute.String("messaging.operation.name", "publish"),
				attribute.String("messaging.operation.type", "send"),
				attribute.String("messaging.destination.name", to+":"+p.Key),
				attribute.String("messaging.rabbitmq.destination.routing_key", p.Key),
				attribute.String("messaging.message.id", p.Event.ID),
			)
		}
	}}
}

// startProcess continues the sender's trace: its span is the parent and, as the conventions of messaging want it, linked.
func (f *Flow) startProcess(ctx context.Context, s bus.Subscription, d bus.Delivery) (context.Context, *operation) {
	from := destination(s.Exchange)
	o := &operation{start: time.Now(), done: func(o *operation, sec float64, kind string) {
		f.Metrics.Consumed.WithLabelValues("process", from, s.Queue, kind).Inc()
		telemetry.ObserveIn(o.SpanContext(), f.Metrics.Process.WithLabelValues("process", "process", from, s.Queue, kind), sec)
		if o.IsRecording() {
			o.SetAttributes(
				attribute.String("messaging.system", f.system),
				attribute.String("messaging.operation.name", "process"),
				attribute.String("messaging.operation.type", "process"),
				attribute.String("messaging.destination.name", from+":"+d.Key+":"+s.Queue),
				attribute.String("messaging.rabbitmq.destination.routing_key", d.Key),
				attribute.String("messaging.consumer.group.name", s.Queue),
				attribute.String("messaging.message.id", d.ID),
				attribute.Int("signalbox.attempt", d.Attempt),
			)
		}
	}}
	ctx = f.incoming.Start(ctx, &o.arrived, carrier(d.Headers), tracing.What{Name: "process " + s.Queue, Kind: trace.SpanKindConsumer, Began: o.start, Linked: true})
	o.Span = o.arrived.Span()
	return ctx, o
}

// destination names the default exchange as RabbitMQ's own tools do.
func destination(exchange string) string {
	if exchange == bus.Direct {
		return "amq.default"
	}
	return exchange
}

// errorType is a small closed set: it is a label.
func errorType(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, bus.ErrUnroutable):
		return "unroutable"
	case errors.Is(err, bus.ErrTooLarge):
		return "too_large"
	case errors.Is(err, bus.ErrClosed):
		return "closed"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	case errors.Is(err, bus.ErrNotTaken):
		return "not_taken"
	case errors.Is(err, errPanic):
		return "panic"
	case bus.IsPark(err):
		return "parked"
	default:
		return "error"
	}
}
