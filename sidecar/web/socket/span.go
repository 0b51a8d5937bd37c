package socket

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// startSend begins the span of a message that goes out; ended ends it, and counts.
func (c *Conn) startSend(ctx context.Context, e bus.Event) (_ context.Context, ended func(error)) {
	began := time.Now()
	ctx, span := c.sockets.tracer.Start(ctx, "send "+c.destination, trace.WithSpanKind(trace.SpanKindProducer))
	return ctx, func(err error) {
		kind := errorType(err)
		m := c.sockets.metrics
		m.Sent.WithLabelValues("send", c.destination, kind).Inc()
		telemetry.ObserveIn(span.SpanContext(), m.Operation.WithLabelValues("send", "send", c.destination, kind), time.Since(began).Seconds())
		finish(span, kind, err, func() []attribute.KeyValue { return c.attributes("send", "send", e) })
	}
}

// startProcess begins the span of a message that came in, which continues its sender's trace, and is linked to it. One without a
// trace begins its own, not the connection's, which would have no end; it is linked to the request that opened it.
func (c *Conn) startProcess(ctx context.Context, m received) (_ context.Context, ended func(error)) {
	began, arrived := time.Now(), new(tracing.Arrival)
	ctx = c.sockets.incoming.Start(ctx, arrived, m.context, tracing.What{Name: "process " + c.destination, Kind: trace.SpanKindConsumer, Began: began, Linked: true})
	span := arrived.Span()
	if c.checkContext(ctx, m); c.opened.IsSampled() && !tracing.Sender(m.context).IsValid() {
		span.AddLink(trace.Link{SpanContext: c.opened})
	}
	return ctx, func(err error) {
		kind := errorType(err)
		if !ours(err) {
			err = nil
		}
		metrics := c.sockets.metrics
		metrics.Consumed.WithLabelValues("process", c.destination, "", kind).Inc()
		if err != nil {
			span.SetStatus(codes.Error, reason(err)) // promotes the trace, before its metrics and attributes
		}
		telemetry.ObserveIn(span.SpanContext(), metrics.Process.WithLabelValues("process", "process", c.destination, "", kind), time.Since(began).Seconds())
		finish(span, kind, err, func() []attribute.KeyValue { return c.attributes("process", "process", m.event) })
	}
}

// checkContext counts a context that could not be read.
func (c *Conn) checkContext(ctx context.Context, m received) {
	odd, spans := m.odd, false
	for _, name := range names {
		if name != "baggage" && name != "tracestate" && m.context[name] != "" {
			spans = true
		}
	}
	if spans && !tracing.Sender(m.context).IsValid() || m.context["baggage"] != "" && baggage.FromContext(ctx).Len() == 0 {
		odd = true
	}
	if odd {
		c.sockets.metrics.ignored.WithLabelValues(badContext).Inc()
	}
}

func (c *Conn) attributes(name, kind string, e bus.Event) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("messaging.system", system),
		attribute.String("messaging.operation.name", name),
		attribute.String("messaging.operation.type", kind),
		attribute.String("messaging.destination.name", c.destination),
		attribute.String("messaging.message.id", e.ID),
		attribute.String("cloudevents.event_type", e.Type),
	}
}

func finish(span trace.Span, kind string, err error, all func() []attribute.KeyValue) {
	if span.IsRecording() {
		span.SetAttributes(all()...)
		if kind != "" {
			span.SetAttributes(attribute.String("error.type", kind))
		}
		if err != nil {
			span.SetStatus(codes.Error, reason(err))
		}
	}
	span.End()
}

// maxError bounds what a span says of an error, in bytes.
const maxError = 1000

func reason(err error) string {
	text := err.Error()
	return strings.ToValidUTF8(text[:min(len(text), maxError)], "")
}

// ours says whether a handler's error is one of ours: a problem that its sender has made is none.
func ours(err error) bool {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return problem.HTTPStatus(p.Code) >= 500
	}
	return err != nil
}

// errorType is a small closed set: it is a label.
func errorType(err error) string {
	p, isProblem := errors.AsType[*problem.Error](err)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrClosed):
		return "closed"
	case errors.Is(err, ErrFull):
		return "queue_full"
	case errors.Is(err, bus.ErrTooLarge):
		return "too_large"
	case errors.Is(err, errPanic):
		return "panic"
	case isProblem:
		return string(p.Code)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "timeout"
	default:
		return "error"
	}
}
