package flow

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

const scope = "github.com/signalbox-mesh/signalbox/sidecar/bus"

type carrier = propagation.MapCarrier

// operation is a span and the metrics that end with it.
type operation struct {
	trace.Span
	start time.Time
	done  func(o *operation, seconds float64, errorType string)
}

func (o *operation) end(err error) {
	kind := errorType(err)
	o.done(o, time.Since(o.start).Seconds(), kind)
	if err != nil {
		o.SetAttributes(attribute.String("error.type", kind))
		o.SetStatus(codes.Error, Reason(err))
	}
	o.End()
}

// startPublish continues the caller's span; where it has none, what the event's headers carry (an outbox row).
func (f *Flow) startPublish(ctx context.Context, p bus.Publication) (context.Context, *operation) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = f.Client.Propagator.Extract(ctx, carrier(p.Event.Headers))
	}
	to := destination(p.Exchange)
	ctx, span := f.tracer().Start(ctx, "publish "+to, trace.WithSpanKind(trace.SpanKindProducer), trace.WithAttributes(
		attribute.String("messaging.system", f.system),
		attribute.String("messaging.operation.name", "publish"),
		attribute.String("messaging.operation.type", "send"),
		attribute.String("messaging.destination.name", to+":"+p.Key),
		attribute.String("messaging.rabbitmq.destination.routing_key", p.Key),
		attribute.String("messaging.message.id", p.Event.ID),
	))
	return ctx, &operation{Span: span, start: time.Now(), done: func(o *operation, s float64, kind string) {
		f.Metrics.sent.WithLabelValues("publish", to, kind).Inc()
		observe(o, f.Metrics.operation.WithLabelValues("publish", "send", to, kind), s)
		if kind == "unroutable" {
			f.Metrics.Unroutable.WithLabelValues(to).Inc()
		}
	}}
}

func (f *Flow) startProcess(ctx context.Context, s bus.Subscription, d bus.Delivery) (context.Context, *operation) {
	ctx = f.Client.Propagator.Extract(ctx, carrier(d.Headers))
	from := destination(s.Exchange)
	ctx, span := f.tracer().Start(ctx, "process "+s.Queue, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("messaging.system", f.system),
		attribute.String("messaging.operation.name", "process"),
		attribute.String("messaging.operation.type", "process"),
		attribute.String("messaging.destination.name", from+":"+d.Key+":"+s.Queue),
		attribute.String("messaging.rabbitmq.destination.routing_key", d.Key),
		attribute.String("messaging.consumer.group.name", s.Queue),
		attribute.String("messaging.message.id", d.ID),
		attribute.Int("signalbox.attempt", d.Attempt),
	))
	return ctx, &operation{Span: span, start: time.Now(), done: func(o *operation, sec float64, kind string) {
		f.Metrics.consumed.WithLabelValues("process", from, s.Queue, kind).Inc()
		observe(o, f.Metrics.process.WithLabelValues("process", "process", from, s.Queue, kind), sec)
	}}
}

func (f *Flow) tracer() trace.Tracer { return f.Client.TracerProvider.Tracer(scope) }

// observe adds the trace as an exemplar when it is sampled.
func observe(o *operation, to prometheus.Observer, seconds float64) {
	sc := o.SpanContext()
	if ex, ok := to.(prometheus.ExemplarObserver); ok && sc.IsSampled() {
		ex.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": sc.TraceID().String()})
		return
	}
	to.Observe(seconds)
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
