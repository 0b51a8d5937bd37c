package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// An attempt is made once for each publication, whatever comes of it; what follows is the scheduler's to decide. Only what
// is no fire is parked.
func TestHandlerWithoutDatabase(t *testing.T) {
	t.Parallel()
	boom := errors.New("no money")
	for _, c := range []struct {
		name, outcome, want string
		final               bool
		handle              func(ctx context.Context) error
	}{
		{"succeeds", "done", "", false, func(context.Context) error { return nil }},
		{"fails", "failed", "no money", false, func(context.Context) error { return boom }},
		{"fails finally", "failed", "no money", true, func(context.Context) error { return timed.Final(boom) }},
		{"gives up", "failed", "no money", true, func(context.Context) error { return bus.Park(boom) }},
		{"panics", "failed", "handler panicked: ouch", false, func(context.Context) error { panic("ouch") }},
		{"says nothing of its failure", "failed", "the handler failed and did not say why", false, func(context.Context) error { return errors.New("") }},
		{"passes its deadline", "deadline", timed.ErrorDeadline, false, func(ctx context.Context) error {
			<-ctx.Done()
			if context.Cause(ctx) != timed.ErrDeadline { //nolint:errorlint // it is that one, as it is
				return fmt.Errorf("the cause is %w", context.Cause(ctx))
			}
			return ctx.Err()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			var tries atomic.Int32
			r.start(t, func(ctx context.Context, tx pg.Tx, f timed.Fire) error {
				if tx != nil {
					t.Error("a transaction without a database")
				}
				tries.Add(1)
				return c.handle(ctx)
			})
			f := oneFire()
			f.Attempt = 3
			if c.outcome == "deadline" {
				f.Deadline = 20 * time.Millisecond
			}
			r.fire(t, f.ID, f)
			receipt := r.ended(t, c.outcome)
			if receipt.Error != c.want || receipt.Final != c.final || receipt.Attempt != 3 || receipt.FireID != f.ID || receipt.Instance != "billing-1" {
				t.Errorf("%+v", receipt)
			}
			r.fire(t, f.ID+"/again", f)
			wait.For(t, 10*time.Second, "the same attempt, delivered again", func() bool { return r.count("duplicate") == 1 })
			if parked, err := r.bus.Parked(t.Context(), "billing.timed", 10); err != nil || len(parked) > 0 || tries.Load() != 1 || len(r.received()) != 1 {
				t.Errorf("%d tries, %d receipts, parked %v, %v", tries.Load(), len(r.received()), parked, err)
			}
			if n := r.measured(t); n != 1 {
				t.Errorf("%d durations of one run", n)
			}
			if problems, err := testutil.GatherAndLint(r.reg); err != nil || len(problems) > 0 {
				t.Errorf("metrics: %v, %v", problems, err)
			}
		})
	}
}

// One transaction holds inbox row, effect and receipt: delivered again, published again by another scheduler, and as a
// further attempt, a fire has one effect and one completed receipt; what a failed attempt did is undone.
func TestO6_EffectAndReceiptOnceWithDatabase(t *testing.T) {
	t.Parallel()
	r := newRig(t, billingDB(t))
	var tries atomic.Int32
	r.start(t, func(ctx context.Context, tx pg.Tx, f timed.Fire) error {
		// The inbox stands for a table of the service: it is the only one here that the working role may write.
		if first, err := outbox.Once(ctx, tx, "effect", "test", f.ID); err != nil || !first {
			t.Errorf("the effect of an earlier attempt is still there: %v", err)
		}
		if tries.Add(1) < 3 {
			return errors.New("not yet")
		}
		timed.Result(ctx, "closed 3 accounts")
		return nil
	})
	f := oneFire()
	for f.Attempt = 1; f.Attempt <= 3; f.Attempt++ {
		r.fire(t, f.ID+"/"+strconv.Itoa(f.Attempt), f)
		wait.For(t, 10*time.Second, "the attempt's receipt", func() bool { return len(r.received()) == f.Attempt })
	}
	wait.For(t, 10*time.Second, "the outcomes", func() bool { return r.count("done") == 1 && r.count("failed") == 2 })
	last := r.receiptAt(t, 2)
	if last.Attempt != 3 || last.Error != "" || last.Result != "closed 3 accounts" || r.received()[2].Key != "billing.fire.completed" {
		t.Errorf("%+v", last)
	}
	r.fire(t, f.ID, f)
	f.Attempt = 5
	r.fire(t, f.ID+"/5", f)
	wait.For(t, 10*time.Second, "both duplicates", func() bool { return r.count("duplicate") == 2 })
	if tries.Load() != 3 || len(r.received()) != 3 {
		t.Errorf("%d tries, %d receipts, want 3", tries.Load(), len(r.received()))
	}
}

// A handler that takes its time elsewhere keeps its transaction, however short the role's patience with idle ones is.
func TestALongHandlerKeepsItsTransaction(t *testing.T) {
	t.Parallel()
	test := pgtest.New(t, "billing")
	db := openBilling(t, test)
	admin, err := pg.Open(pg.Settings{URL: test.AdminURL(), Schema: "billing"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(admin.Close)
	var role, patience string
	if err := db.Pool().QueryRow(t.Context(), `SELECT current_user`).Scan(&role); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Pool().Exec(t.Context(), `ALTER ROLE "`+role+`" SET idle_in_transaction_session_timeout = '100ms'`); err != nil {
		t.Fatal(err)
	}
	db.Pool().Reset()
	if err := db.Pool().QueryRow(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&patience); err != nil || patience != "100ms" {
		t.Fatalf("%s, %v", patience, err)
	}
	r := newRig(t, db)
	r.start(t, func(ctx context.Context, tx pg.Tx, f timed.Fire) error {
		<-time.After(300 * time.Millisecond)
		_, err := outbox.Once(ctx, tx, "effect", "test", f.ID)
		return err
	})
	f := oneFire()
	r.fire(t, f.ID, f)
	if receipt := r.ended(t, "done"); receipt.DurationMS < 300 {
		t.Errorf("%+v", receipt)
	}
}

// Another instance, which remembers nothing, finds the effect in the inbox.
func TestAnotherInstanceFindsTheEffectInTheInbox(t *testing.T) {
	t.Parallel()
	db := billingDB(t)
	f, tries := oneFire(), atomic.Int32{}
	for i := range 2 {
		r := newRig(t, db)
		r.start(t, func(context.Context, pg.Tx, timed.Fire) error { tries.Add(1); return nil })
		r.fire(t, f.ID, f)
		wait.For(t, 10*time.Second, "the outcome", func() bool { return r.count([]string{"done", "duplicate"}[i]) == 1 })
	}
	if tries.Load() != 1 {
		t.Errorf("%d tries", tries.Load())
	}
}

func TestWhatIsNoFireIsParked(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.start(t, func(context.Context, pg.Tx, timed.Fire) error { return nil })
	for id, data := range map[string]string{"a": `[]`, "b": `{}`, "c": `"x"`} {
		_ = r.bus.Publish(t.Context(), bus.Publication{Exchange: bus.Schedule, Key: "billing.close",
			Event: bus.Event{ID: id, Source: "/x", Type: timed.EventFired, Time: time.Now(), Data: json.RawMessage(data)}})
	}
	wait.For(t, 10*time.Second, "three parked events", func() bool {
		parked, _ := r.bus.Parked(t.Context(), "billing.timed", 10)
		return len(parked) == 3
	})
	if len(r.received()) != 0 {
		t.Error("a receipt for what is no fire")
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	nop := func(context.Context, pg.Tx, timed.Fire) error { return nil }
	r := timed.New(timed.Settings{Service: "billing", Declare: declareNothing})
	good := timed.Schedule{Name: "billing.a", Every: time.Minute}
	if err := r.Add(good, nop); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"twice":      r.Add(good, nop),
		"no handler": r.Add(timed.Schedule{Name: "billing.b", Every: time.Minute}, nil),
		"not ours":   r.Add(timed.Schedule{Name: "catalogs.b", Every: time.Minute}, nop),
		"cron":       r.Add(timed.Schedule{Name: "billing.c", Cron: "x"}, nop),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := r.Start(t.Context()); !errors.Is(err, timed.ErrNoBus) {
		t.Errorf("started without a bus: %v", err)
	}
	var none *timed.Timed
	if err := none.Add(good, nop); !errors.Is(err, timed.ErrNoBus) {
		t.Errorf("added without a bus: %v", err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
