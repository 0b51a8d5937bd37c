package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// The attempt's span is a child of the delivery's, and has a link to the publication's.
func TestTheSpanHasALinkToTheFire(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "billing", Instance: "billing-1", Bus: l, Declare: declareNothing, TracerProvider: provider, Notified: true})
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, func(context.Context, pg.Tx, timed.Fire) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(context.Background()) }()
	if l.handlers[bus.Control] != nil {
		t.Error("listens to the control exchange, which somebody else does")
	}
	ctx, delivery := provider.Tracer("bus").Start(t.Context(), "process")
	data, _ := json.Marshal(oneFire())
	err := l.handlers[bus.Schedule](ctx, bus.Delivery{Event: bus.Event{ID: "x", Data: data, Headers: map[string]string{
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	ended := spans.Ended()
	if len(ended) != 1 || ended[0].Parent().SpanID() != delivery.SpanContext().SpanID() || len(ended[0].Links()) != 1 {
		t.Fatalf("%+v", ended)
	}
	if link := ended[0].Links()[0].SpanContext; link.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || link.SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("%+v", link)
	}
	if got := l.all()[0].TraceID; got != delivery.SpanContext().TraceID().String() || ended[0].SpanKind() != trace.SpanKindConsumer {
		t.Errorf("the receipt names trace %s", got)
	}
}

// Timed handles fires that others have declared, and answers for their service; what is over is dropped.
func TestRoute(t *testing.T) {
	t.Parallel()
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "scheduler", Instance: "scheduler-1", Bus: l, Declare: declareNothing})
	err := r.Route(timed.Route{Queue: "scheduler.http", Key: "scheduler.target.http", Find: func(_ context.Context, f timed.Fire) (string, timed.Handler, error) {
		switch {
		case strings.HasSuffix(f.ID, "over"):
			return "", nil, timed.ErrOver
		case strings.HasSuffix(f.ID, "away"):
			return "", nil, errAway
		}
		return "catalogs", func(ctx context.Context, _ pg.Tx, _ timed.Fire) error { timed.Result(ctx, "200"); return nil }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(context.Background()) }()
	for _, end := range []string{"over", "away", ""} {
		f := oneFire()
		f.ID += end
		if err := l.deliver(t.Context(), f, 1); err != nil {
			t.Fatal(err)
		}
	}
	all := l.all()
	if len(all) != 2 || all[0].key != "billing.fire.failed" || all[0].Error != "away" || all[1].key != "catalogs.fire.completed" ||
		all[1].Service != "catalogs" || all[1].Instance != "scheduler-1" || all[1].Result != "200" {
		t.Errorf("%+v", all)
	}
	var none *timed.Timed
	if err := none.Route(timed.Route{}); !errors.Is(err, timed.ErrNoBus) {
		t.Error(err)
	}
	if err := r.Route(timed.Route{}); err == nil {
		t.Error("a route after the start is taken")
	}
}
