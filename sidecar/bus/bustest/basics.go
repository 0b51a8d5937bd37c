package bustest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

func testPublishSubscribe(t *testing.T, l *lab) {
	registry := prometheus.NewPedanticRegistry()
	a, b := l.openClient(bus.Client{Service: "lab", Instance: "a", Registerer: registry}), l.open("b")
	var got record
	l.subscribe(b, bus.Subscription{Queue: "lab.work", Keys: []string{"lab.#"}, Handler: got.handle})
	at := time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC)
	l.publish(a, to("lab.thing.made", bus.Event{
		ID: "1", Type: "lab.thing.made", Subject: "thing/7", Time: at, Data: json.RawMessage(`{"a":[1,"é<>"]}`),
		Headers: map[string]string{"tenant": "blue"},
	}))
	l.publish(a, to("lab.bare", bus.Event{Type: "lab.bare"}))
	byType := map[string]bus.Delivery{}
	for _, d := range l.await(&got, 2) {
		byType[d.Type] = d
	}
	full := byType["lab.thing.made"]
	var data struct{ A []any }
	if err := json.Unmarshal(full.Data, &data); err != nil || len(data.A) != 2 || data.A[1] != "é<>" {
		t.Errorf("data %s: %v", full.Data, err)
	}
	if full.ID != "1" || full.Source != "/lab/a" || full.Subject != "thing/7" || !full.Time.Equal(at) ||
		full.Key != "lab.thing.made" || full.Attempt != 1 || full.Headers["tenant"] != "blue" {
		t.Errorf("delivery %+v", full)
	}
	if bare := byType["lab.bare"]; bare.ID == "" || bare.Time.IsZero() || len(bare.Data) != 0 {
		t.Errorf("bare delivery %+v", bare)
	}
	if got := total(t, registry, "messaging_client_sent_messages_total"); got != 2 {
		t.Errorf("sent messages counted: %v, want 2", got)
	}
}

func total(t *testing.T, g prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func testTraceContext(t *testing.T, l *lab) {
	traces := sdktrace.NewTracerProvider()
	a := l.openClient(bus.Client{Service: "lab", Instance: "a", TracerProvider: traces})
	b := l.openClient(bus.Client{Service: "lab", Instance: "b", TracerProvider: traces})
	seen := make(chan trace.SpanContext, 1)
	l.subscribe(b, bus.Subscription{Queue: "lab.traced", Keys: []string{"traced"}, Handler: func(ctx context.Context, d bus.Delivery) error {
		seen <- trace.SpanContextFromContext(ctx)
		return nil
	}})
	ctx, span := traces.Tracer("test").Start(t.Context(), "root")
	defer span.End()
	if err := a.Publish(ctx, to("traced", event("traced", 1))); err != nil {
		t.Fatal(err)
	}
	got := <-seen
	if got.TraceID() != span.SpanContext().TraceID() || got.SpanID() == span.SpanContext().SpanID() {
		t.Errorf("handler runs in %v, sent from %v", got, span.SpanContext())
	}
}

func testTopicPatterns(t *testing.T, l *lab) {
	b := l.open("a")
	for i, c := range []struct {
		pattern string
		yes, no []string
	}{
		{"p0.b", []string{"p0.b"}, []string{"p0", "p0.b.c", "p0.c"}},
		{"p1.*", []string{"p1.b"}, []string{"p1", "p1.b.c"}},
		{"p2.#", []string{"p2", "p2.b", "p2.b.c"}, []string{"q2.b"}},
		{"p3.*.c", []string{"p3.b.c"}, []string{"p3.c", "p3.b.b.c"}},
		{"p4.#.c", []string{"p4.c", "p4.b.c", "p4.a.b.c"}, []string{"p4.c.d"}},
		{"*.p5", []string{"a.p5"}, []string{"p5", "a.b.p5"}},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			var got record
			l.subscribe(b, bus.Subscription{Queue: fmt.Sprintf("lab.p%d", i), Keys: []string{c.pattern}, Handler: got.handle})
			for n, key := range c.yes {
				l.publish(b, to(key, event("yes", n)))
			}
			for n, key := range c.no {
				if err := b.Publish(t.Context(), to(key, event("no", n))); !errors.Is(err, bus.ErrUnroutable) {
					t.Errorf("publish %s: %v, want unroutable", key, err)
				}
			}
			l.await(&got, len(c.yes))
		})
	}
}

func testWorkIsShared(t *testing.T, l *lab) {
	const events = 200
	var all, one, two record
	for instance, own := range map[string]*record{"a": &one, "b": &two} {
		l.subscribe(l.open(instance), bus.Subscription{Queue: "lab.shared", Keys: []string{"shared"}, Prefetch: 2,
			Handler: func(_ context.Context, d bus.Delivery) error { own.add(d); all.add(d); return nil }})
	}
	sender := l.open("sender")
	for n := range events {
		l.publish(sender, to("shared", event("shared", n)))
	}
	l.await(&all, events)
	if one.len() == 0 || two.len() == 0 {
		t.Errorf("one instance did everything: %d and %d", one.len(), two.len())
	}
}

func testControl(t *testing.T, l *lab) {
	const events = 100
	got := map[string]*record{"a": {}, "b": {}, "c": {}}
	for instance, r := range got {
		l.subscribe(l.open(instance), bus.Subscription{Queue: "lab." + instance + ".control", Exchange: bus.Control, Exclusive: true, Handler: r.handle})
	}
	sender := l.open("sender")
	var want []string
	for n := range events {
		e := event("control", n)
		want = append(want, e.ID)
		l.publish(sender, bus.Publication{Exchange: bus.Control, Event: e, Expires: time.Minute})
	}
	for instance := range maps.Keys(got) {
		l.await(got[instance], events)
		if ids := got[instance].ids(); !slices.Equal(ids, want) {
			t.Errorf("%s got them in another order: %v", instance, ids)
		}
	}
}

func testDirect(t *testing.T, l *lab) {
	a, b := l.open("a"), l.open("b")
	var durable, exclusive record
	l.subscribe(b, bus.Subscription{Queue: "lab.durable", Keys: []string{"some.key"}, Handler: durable.handle})
	l.subscribe(b, bus.Subscription{Queue: "lab.b.replies", Exchange: bus.Direct, Exclusive: true, Handler: exclusive.handle})
	l.publish(a, bus.Publication{Exchange: bus.Direct, Key: "lab.durable", Event: event("direct", 1)})
	l.publish(a, bus.Publication{Exchange: bus.Direct, Key: "lab.b.replies", Event: event("direct", 2)})
	l.await(&durable, 1)
	l.await(&exclusive, 1)
	err := a.Publish(t.Context(), bus.Publication{Exchange: bus.Direct, Key: "lab.nobody", Event: event("direct", 3)})
	if !errors.Is(err, bus.ErrUnroutable) {
		t.Errorf("publish to no queue: %v", err)
	}
}

// Many more than the broker may send without hearing that some are over, and the last few of which it hears later.
func testLight(t *testing.T, l *lab) {
	const events, prefetch = 107, 10
	a := l.open("a")
	var got record
	l.subscribe(l.open("b"), bus.Subscription{Queue: "lab.b.replies", Exchange: bus.Direct, Exclusive: true, Prefetch: prefetch, Handler: got.handle})
	var want []string
	for n := range events {
		e := event("light", n)
		l.publish(a, bus.Publication{Exchange: bus.Direct, Key: "lab.b.replies", Light: true, Expires: time.Minute, Event: e})
		want = append(want, e.ID)
	}
	l.await(&got, events)
	if ids := got.ids(); !slices.Equal(ids, want) {
		t.Errorf("they came in another order: %v", ids)
	}
	if err := a.Publish(t.Context(), bus.Publication{Exchange: bus.Direct, Key: "lab.nobody", Light: true, Event: event("light", events)}); err != nil {
		t.Errorf("publish to no queue: %v", err)
	}
}

func testQueueKeeps(t *testing.T, l *lab) {
	a := l.open("a")
	stop := l.subscribe(a, bus.Subscription{Queue: "lab.kept", Keys: []string{"kept"}, Handler: func(context.Context, bus.Delivery) error { return nil }})
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	const events = 20
	for n := range events {
		l.publish(a, to("kept", event("kept", n)))
	}
	var got record
	l.subscribe(l.open("b"), bus.Subscription{Queue: "lab.kept", Keys: []string{"kept"}, Handler: got.handle})
	l.await(&got, events)
}

func testInOrder(t *testing.T, l *lab) {
	a := l.open("a")
	var got record
	l.subscribe(a, bus.Subscription{Queue: "lab.ordered", Keys: []string{"ordered"}, Prefetch: 1, Handler: got.handle})
	var want []string
	for n := range 200 {
		e := event("ordered", n)
		want = append(want, e.ID)
		l.publish(a, to("ordered", e))
	}
	l.await(&got, len(want))
	if !slices.Equal(got.ids(), want) {
		t.Errorf("order %v", got.ids())
	}
}

func testTooLarge(t *testing.T, l *lab) {
	a := l.open("a")
	var got record
	l.subscribe(a, bus.Subscription{Queue: "lab.large", Keys: []string{"large"}, Handler: got.handle})
	text := func(size int) json.RawMessage { return json.RawMessage(`"` + strings.Repeat("x", size) + `"`) }
	err := a.Publish(t.Context(), to("large", bus.Event{Type: "large", Data: text(bus.MaxSize)}))
	if !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("publish more than 1 MiB: %v", err)
	}
	l.publish(a, to("large", bus.Event{Type: "large", Data: text(bus.MaxSize - 1000)}))
	if d := l.await(&got, 1); len(d[0].Data) != bus.MaxSize-998 {
		t.Errorf("got %d bytes", len(d[0].Data))
	}
}

func testClosed(t *testing.T, l *lab) {
	a := l.open("a")
	for range 2 {
		if err := a.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Publish(t.Context(), to("x", event("x", 1))); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("publish after close: %v", err)
	}
	var got record
	if _, err := a.Subscribe(t.Context(), bus.Subscription{Queue: "q", Exchange: bus.Events, Keys: []string{"x"}, Handler: got.handle}); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("subscribe after close: %v", err)
	}
	if err := a.Ready(); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("ready after close: %v", err)
	}
}

func testRefusedSubscriptions(t *testing.T, l *lab) {
	a, b := l.open("a"), l.open("b")
	var got record
	l.subscribe(a, bus.Subscription{Queue: "lab.mine", Exchange: bus.Control, Exclusive: true, Handler: got.handle})
	for name, s := range map[string]bus.Subscription{
		"no handler":       {Queue: "q", Exchange: bus.Events, Keys: []string{"k"}},
		"no queue":         {Exchange: bus.Events, Keys: []string{"k"}, Handler: got.handle},
		"no keys":          {Queue: "q", Exchange: bus.Events, Handler: got.handle},
		"unknown exchange": {Queue: "q", Exchange: "elsewhere", Keys: []string{"k"}, Handler: got.handle},
		"somebody else's":  {Queue: "lab.mine", Exchange: bus.Control, Exclusive: true, Handler: got.handle},
	} {
		if _, err := b.Subscribe(t.Context(), s); err == nil {
			t.Errorf("%s: subscribed", name)
		}
	}
	if _, err := a.Parked(t.Context(), "lab.unknown", 1); !errors.Is(err, bus.ErrNoQueue) {
		t.Errorf("parked of an unknown queue: %v", err)
	}
}
