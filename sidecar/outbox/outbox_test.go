package outbox_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func TestRelaysWhatWasCommitted(t *testing.T) {
	db, b := database(t, 4), broker(t)
	registry := prometheus.NewPedanticRegistry()
	o := outbox.New(outbox.Settings{DB: db, Bus: b, Registerer: registry})
	var got seen
	subscribe(t, b, "lab.copy", got.handle)
	run(t, o)
	add(t, db, o, "a", event("1"), event("2"))
	rolledBack := errors.New("no")
	err := db.InTx(t.Context(), func(tx pg.Tx) error {
		return errors.Join(o.Add(t.Context(), tx, "a", event("phantom")), rolledBack)
	})
	if !errors.Is(err, rolledBack) {
		t.Fatal(err)
	}
	add(t, db, o, "", event("3"))
	wait.For(t, 10*time.Second, "three events", func() bool { return got.len() == 3 })
	if d := got.first("1"); d.Source != "/catalogs" || d.ID != "1" || string(d.Data) != `{"id":"1"}` {
		t.Errorf("delivery %+v", d)
	}
	wait.For(t, 10*time.Second, "three published", func() bool { return value(t, registry, "signalbox_outbox_published_total") >= 3 }) // counted after the commit
	wait.For(t, 10*time.Second, "an empty outbox", func() bool { return value(t, registry, "signalbox_outbox_pending") == 0 })
	if n := value(t, registry, "signalbox_outbox_published_total"); n != 3 {
		t.Errorf("published counted: %v", n)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint of metrics: %v, %v", problems, err)
	}
}

// A NOTIFY wakes the relay: the event is there long before the next poll.
func TestO3_NotifyWakes(t *testing.T) {
	db, b := database(t, 1), broker(t) // P-4: one connection must do
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	var got seen
	subscribe(t, b, "lab.copy", got.handle)
	run(t, o)
	add(t, db, o, "", event("warm"))
	wait.For(t, 10*time.Second, "the first event", func() bool { return got.len() == 1 })
	var total time.Duration
	const events = 20
	for i := range events {
		began := time.Now()
		add(t, db, o, "", event(string(rune('a'+i))))
		wait.For(t, 10*time.Second, "an event", func() bool { return got.len() == i+2 })
		total += time.Since(began)
	}
	t.Logf("METRIC outbox_commit_to_handled_mean_seconds=%.4f limit=0.250", (total / events).Seconds())
}

func TestTraceGoesAlong(t *testing.T) {
	db, b := database(t, 4), broker(t)
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	traces := make(chan trace.TraceID, 1)
	subscribe(t, b, "lab.copy", func(ctx context.Context, _ bus.Delivery) error {
		traces <- trace.SpanContextFromContext(ctx).TraceID()
		return nil
	})
	ctx, span := sdktrace.NewTracerProvider().Tracer("test").Start(t.Context(), "request")
	defer span.End()
	if err := db.InTx(ctx, func(tx pg.Tx) error { return o.Add(ctx, tx, "", event("1")) }); err != nil {
		t.Fatal(err)
	}
	if n, err := o.Relay(t.Context()); n != 1 || err != nil {
		t.Fatalf("relayed %d: %v", n, err)
	}
	if got := <-traces; got != span.SpanContext().TraceID() {
		t.Errorf("trace %v, want %v", got, span.SpanContext().TraceID())
	}
}

func TestUnroutableCountsAsDoneAndIsTold(t *testing.T) {
	db, b := database(t, 4), broker(t)
	registry := prometheus.NewPedanticRegistry()
	told := map[string]bool{}
	fail, calls := true, 0
	o := outbox.New(outbox.Settings{DB: db, Bus: b, Registerer: registry,
		Published: func(ctx context.Context, tx pg.Tx, all []outbox.Outcome) error {
			calls++
			for _, one := range all {
				if one.Publication.Event.ID == "stubborn" && fail {
					_, err := tx.Exec(ctx, `SELECT 1/0`) // breaks its savepoint, and no other row
					return err
				}
				if ago := time.Since(one.At); ago < 0 || ago > time.Minute {
					t.Errorf("%s was answered for %s ago", one.Publication.Event.ID, ago)
				}
				told[one.Publication.Event.ID] = one.Unroutable
			}
			return nil
		}})
	subscribe(t, b, "lab.copy", func(context.Context, bus.Delivery) error { return nil })
	nobody := event("nobody")
	nobody.Key = "elsewhere"
	add(t, db, o, "a", event("somebody"), nobody, event("stubborn"))
	if n, err := o.Relay(t.Context()); n != 2 || err == nil {
		t.Fatalf("relayed %d: %v", n, err)
	}
	if calls != 4 {
		t.Errorf("told %d times of three rows: once of all, then of each", calls)
	}
	fail = false
	if n, err := o.Relay(t.Context()); n != 1 || err != nil {
		t.Fatalf("relayed %d: %v", n, err)
	}
	if len(told) != 3 || told["somebody"] || !told["nobody"] || told["stubborn"] {
		t.Errorf("told %v", told)
	}
	if n := value(t, registry, "signalbox_outbox_unroutable_total"); n != 1 {
		t.Errorf("unroutable counted: %v", n)
	}
	var outcome string
	if err := db.Pool().QueryRow(t.Context(), `SELECT outcome FROM outbox WHERE key = 'elsewhere'`).Scan(&outcome); err != nil || outcome != "unroutable" {
		t.Errorf("outcome %q, %v", outcome, err)
	}
}

// An aggregate stops at its first failure; others go on.
func TestFailureKeepsOrder(t *testing.T) {
	db := database(t, 4)
	flaky := &flakyBus{Bus: broker(t)}
	o := outbox.New(outbox.Settings{DB: db, Bus: flaky})
	var got seen
	subscribe(t, flaky, "lab.copy", got.handle)
	add(t, db, o, "a", event("a1"), event("a2"), event("a3"))
	add(t, db, o, "b", event("b1"), event("b2"))
	flaky.refuse.Store("a2")
	if n, err := o.Relay(t.Context()); n != 3 || !errors.Is(err, bus.ErrNotTaken) {
		t.Fatalf("relayed %d: %v", n, err)
	}
	if got.count["a3"] != 0 {
		t.Error("a3 went before a2")
	}
	flaky.refuse.Store("")
	if n, err := o.Relay(t.Context()); n != 2 || err != nil {
		t.Fatalf("relayed %d: %v", n, err)
	}
}

// flakyBus refuses one event.
type flakyBus struct {
	bus.Bus
	refuse atomic.Value
}

func (f *flakyBus) Publish(ctx context.Context, p bus.Publication) error {
	if id, _ := f.refuse.Load().(string); id != "" && id == p.Event.ID {
		return bus.ErrNotTaken
	}
	return f.Bus.Publish(ctx, p)
}

func TestPrune(t *testing.T) {
	db, b := database(t, 4), broker(t)
	o := outbox.New(outbox.Settings{DB: db, Bus: b})
	subscribe(t, b, "lab.copy", outbox.Handle(db, "lab.copy", func(context.Context, pg.Tx, bus.Delivery) error { return nil }))
	add(t, db, o, "", event("old"), event("new"))
	if _, err := o.Relay(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := func(table string) (n int) {
		if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	wait.For(t, 10*time.Second, "two inbox rows", func() bool { return rows("inbox") == 2 })
	add(t, db, o, "", event("pending"))
	for _, age := range []string{
		`UPDATE outbox SET published_at = now() - interval '8 days' WHERE convert_from(event, 'UTF8') LIKE '%"old"%'`,
		`UPDATE inbox SET handled_at = now() - interval '8 days' WHERE event_id = 'old'`,
		`UPDATE outbox SET created_at = now() - interval '80 days' WHERE published_at IS NULL`,
	} {
		if _, err := db.Pool().Exec(t.Context(), age); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, in := rows("outbox"), rows("inbox"); out != 2 || in != 1 {
		t.Errorf("left: outbox %d, want 2; inbox %d, want 1", out, in)
	}
}

func TestAddRefusesWhatTheBusWould(t *testing.T) {
	db := database(t, 4)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(t)})
	err := db.InTx(t.Context(), func(tx pg.Tx) error {
		return o.Add(t.Context(), tx, "", bus.Publication{Event: bus.Event{Type: "t", Data: make([]byte, bus.MaxSize+1)}})
	})
	if !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("add a large event: %v", err)
	}
}
