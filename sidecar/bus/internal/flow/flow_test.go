package flow_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

func newFlow(t *testing.T, c bus.Client) *flow.Flow {
	t.Helper()
	c.Service, c.Instance = "lab", "lab-1"
	f, err := flow.New("rabbitmq", c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func publication() bus.Publication {
	return bus.Publication{Exchange: bus.Events, Key: "lab.made", Event: bus.Event{ID: "1", Type: "lab.made"}}
}

func TestMetricsAreLintedAndShared(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	one, two := newFlow(t, bus.Client{Registerer: registry}), newFlow(t, bus.Client{Registerer: registry})
	for _, f := range []*flow.Flow{one, two} {
		for _, err := range []error{nil, bus.ErrUnroutable} {
			if got := f.Publish(t.Context(), publication(), func(context.Context, flow.Message) error { return err }); !errors.Is(got, err) {
				t.Error(got)
			}
		}
		sub := bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Handler: func(context.Context, bus.Delivery) error { panic("no") }}
		f.Judge(t.Context(), "lab.work", bus.Delivery{Attempt: 1}, f.Process(t.Context(), sub, bus.Delivery{Attempt: 1}))
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	want := `
# HELP messaging_client_sent_messages_total Messages that a publish or a send was tried for
# TYPE messaging_client_sent_messages_total counter
messaging_client_sent_messages_total{error_type="",messaging_destination_name="signalbox.events",messaging_operation_name="publish",messaging_system="rabbitmq"} 2
messaging_client_sent_messages_total{error_type="unroutable",messaging_destination_name="signalbox.events",messaging_operation_name="publish",messaging_system="rabbitmq"} 2
# HELP signalbox_bus_retries_total Tries that failed and are followed by another
# TYPE signalbox_bus_retries_total counter
signalbox_bus_retries_total{messaging_system="rabbitmq",queue="lab.work"} 2
# HELP signalbox_bus_unroutable_total Messages that no queue took
# TYPE signalbox_bus_unroutable_total counter
signalbox_bus_unroutable_total{exchange="signalbox.events",messaging_system="rabbitmq"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"messaging_client_sent_messages_total", "signalbox_bus_retries_total", "signalbox_bus_unroutable_total"); err != nil {
		t.Error(err)
	}
}

func TestSpans(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	f := newFlow(t, bus.Client{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
	p := publication()
	p.Event.Headers = map[string]string{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	var sent flow.Message
	if err := f.Publish(t.Context(), p, func(_ context.Context, m flow.Message) error { sent = m; return nil }); err != nil {
		t.Fatal(err)
	}
	if p.Event.Headers["traceparent"] == sent.Event.Headers["traceparent"] {
		t.Error("the caller's headers were written into, or not replaced")
	}
	d := bus.Delivery{Event: sent.Event, Key: sent.Key, Attempt: 1}
	err := f.Process(t.Context(), bus.Subscription{Queue: "lab.work", Handler: func(context.Context, bus.Delivery) error { return errors.New("no") }}, d)
	if err == nil {
		t.Fatal("no error")
	}
	ended := spans.Ended()
	if len(ended) != 2 {
		t.Fatalf("%d spans", len(ended))
	}
	producer, consumer := ended[0], ended[1]
	if producer.SpanKind() != trace.SpanKindProducer || producer.Parent().SpanID().String() != "b7ad6b7169203331" {
		t.Errorf("producer %v of %v", producer.SpanKind(), producer.Parent())
	}
	if l := producer.Links(); len(l) != 1 || l[0].SpanContext.SpanID() != producer.Parent().SpanID() {
		t.Errorf("the producer's links, wanted one to what the event was made in: %v", l)
	}
	if l := consumer.Links(); len(l) != 1 || l[0].SpanContext.SpanID() != producer.SpanContext().SpanID() {
		t.Errorf("the consumer's links, wanted one to the producer: %v", l)
	}
	if consumer.SpanKind() != trace.SpanKindConsumer || consumer.Parent().SpanID() != producer.SpanContext().SpanID() || consumer.Status().Code != codes.Error {
		t.Errorf("consumer %v of %v: %v", consumer.SpanKind(), consumer.Parent(), consumer.Status())
	}
}

// What every instance gets, and what they all answer, is counted and makes no span.
func TestControlIsQuiet(t *testing.T) {
	spans, registry := tracetest.NewSpanRecorder(), prometheus.NewPedanticRegistry()
	f := newFlow(t, bus.Client{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)), Registerer: registry})
	handler := func(_ context.Context, d bus.Delivery) error {
		switch {
		case d.Debug != "":
			t.Error("the handler sees the token")
		case d.Type == "bad":
			return errors.New("no")
		case d.Type == "worse":
			panic("no")
		}
		return nil
	}
	for _, s := range []bus.Subscription{{Queue: "lab.control", Exchange: bus.Control, Exclusive: true, Handler: handler}, {Queue: "lab.answers", Exclusive: true, Handler: handler}} {
		for kind, fails := range map[string]bool{"good": false, "bad": true, "worse": true} {
			for range 2 {
				if err := f.Process(t.Context(), s, bus.Delivery{Event: bus.Event{Type: kind, Debug: "x"}}); (err != nil) != fails {
					t.Errorf("%s: %v", kind, err)
				}
			}
		}
	}
	p := publication()
	p.Exchange, p.Light = bus.Direct, true
	for _, want := range []error{nil, bus.ErrClosed, nil} {
		err := f.Publish(t.Context(), p, func(_ context.Context, m flow.Message) error {
			if len(m.Body) == 0 || len(m.Event.Headers) > 0 {
				t.Errorf("%s with %v", m.Body, m.Event.Headers)
			}
			return want
		})
		if !errors.Is(err, want) {
			t.Error(err)
		}
	}
	if n := len(spans.Started()); n > 0 {
		t.Errorf("%d spans", n)
	}
	want := `
# HELP messaging_client_consumed_messages_total Messages delivered to a handler, every try counted
# TYPE messaging_client_consumed_messages_total counter
messaging_client_consumed_messages_total{error_type="",messaging_consumer_group_name="lab.answers",messaging_destination_name="amq.default",messaging_operation_name="process",messaging_system="rabbitmq"} 2
messaging_client_consumed_messages_total{error_type="",messaging_consumer_group_name="lab.control",messaging_destination_name="signalbox.control",messaging_operation_name="process",messaging_system="rabbitmq"} 2
messaging_client_consumed_messages_total{error_type="error",messaging_consumer_group_name="lab.answers",messaging_destination_name="amq.default",messaging_operation_name="process",messaging_system="rabbitmq"} 2
messaging_client_consumed_messages_total{error_type="error",messaging_consumer_group_name="lab.control",messaging_destination_name="signalbox.control",messaging_operation_name="process",messaging_system="rabbitmq"} 2
messaging_client_consumed_messages_total{error_type="panic",messaging_consumer_group_name="lab.answers",messaging_destination_name="amq.default",messaging_operation_name="process",messaging_system="rabbitmq"} 2
messaging_client_consumed_messages_total{error_type="panic",messaging_consumer_group_name="lab.control",messaging_destination_name="signalbox.control",messaging_operation_name="process",messaging_system="rabbitmq"} 2
# HELP messaging_client_sent_messages_total Messages that a publish or a send was tried for
# TYPE messaging_client_sent_messages_total counter
messaging_client_sent_messages_total{error_type="",messaging_destination_name="amq.default",messaging_operation_name="publish",messaging_system="rabbitmq"} 2
messaging_client_sent_messages_total{error_type="closed",messaging_destination_name="amq.default",messaging_operation_name="publish",messaging_system="rabbitmq"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "messaging_client_sent_messages_total", "messaging_client_consumed_messages_total"); err != nil {
		t.Error(err)
	}
}

func TestJudge(t *testing.T) {
	delays := []time.Duration{time.Second, 2 * time.Second}
	f := newFlow(t, bus.Client{RetryDelays: delays})
	cause := errors.New("no")
	for attempt, want := range map[int]flow.Verdict{
		0: {Retry: true, Delay: delays[0], Reason: "no"},
		1: {Retry: true, Delay: delays[0], Reason: "no"},
		2: {Retry: true, Delay: delays[1], Reason: "no"},
		3: {Reason: "no"},
		9: {Reason: "no"},
	} {
		if got := f.Judge(t.Context(), "q", bus.Delivery{Attempt: attempt}, cause); got != want {
			t.Errorf("attempt %d: %+v, want %+v", attempt, got, want)
		}
	}
	if got := f.Judge(t.Context(), "q", bus.Delivery{Attempt: 1}, bus.Park(cause)); got.Retry || got.Done {
		t.Errorf("park: %+v", got)
	}
	if got := f.Judge(t.Context(), "q", bus.Delivery{Attempt: 1}, nil); !got.Done {
		t.Errorf("nil: %+v", got)
	}
	long := f.Judge(t.Context(), "q", bus.Delivery{Attempt: 9}, errors.New(strings.Repeat("x", 1<<20)))
	if len(long.Reason) > 1000 {
		t.Errorf("reason of %d bytes", len(long.Reason))
	}
}

// A publish without a deadline has one.
func TestDefaultDeadline(t *testing.T) {
	f := newFlow(t, bus.Client{})
	err := f.Publish(context.Background(), publication(), func(ctx context.Context, m flow.Message) error {
		if end, ok := ctx.Deadline(); !ok || time.Until(end) > flow.PublishTimeout {
			t.Error("no deadline")
		}
		if m.Event.Source != "/lab/lab-1" {
			t.Errorf("source %s", m.Event.Source)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
