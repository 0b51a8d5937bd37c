package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
)

// A leader that was stopped and goes on writes nothing: neither with a session that was taken from it nor, as here,
// with one that survived.
func TestC2_ZombieWritesAreRejected(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 1))
	zombie := f.lead(t, "scheduler-1")
	pass(t, zombie, time.Now().Add(time.Second))
	before := len(f.fires(t, ""))
	f.exec(t, `UPDATE leader SET epoch = epoch + 1`)
	rejected := 0
	for i := range 20 {
		if _, err := zombie.Pass(t.Context(), time.Now().Add(time.Duration(i)*time.Second)); errors.Is(err, postgres.ErrDeposed) {
			rejected++
		}
	}
	if _, _, err := zombie.Expire(t.Context()); !errors.Is(err, postgres.ErrDeposed) {
		t.Errorf("expire: %v", err)
	}
	t.Logf("METRIC c2_stale_writes_rejected_percent=%d limit=100", 100*rejected/20)
	if rejected != 20 || len(f.fires(t, "")) != before {
		t.Errorf("%d of 20 rejected, %d rows written", rejected, len(f.fires(t, ""))-before)
	}
}

func TestOneLeaderAtATime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.lead(t, "scheduler-1")
	if other, err := f.Campaign(t.Context(), "scheduler-2"); other != nil || err != nil {
		t.Fatalf("a second leader: %v, %v", other, err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var second *postgres.Term
	wait.For(t, 5*time.Second, "a second leader", func() bool {
		second, _ = f.Campaign(t.Context(), "scheduler-2")
		return second != nil
	})
	defer func() { _ = second.Close(t.Context()) }()
	if second.Epoch() != first.Epoch()+1 {
		t.Errorf("epochs %d and %d", first.Epoch(), second.Epoch())
	}
}

// A leader whose process is frozen keeps its session; another replica ends it.
func TestC3_FrozenLeaderIsReplaced(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	frozen := f.lead(t, "scheduler-1")
	pass(t, frozen, time.Now())
	began := time.Now()
	var second *postgres.Term
	wait.For(t, 20*time.Second, "a leader in place of the frozen one", func() bool {
		second, _ = f.Campaign(t.Context(), "scheduler-2")
		return second != nil
	})
	defer func() { _ = second.Close(t.Context()) }()
	t.Logf("METRIC c3_takeover_from_frozen_ms=%d limit=4000", time.Since(began).Milliseconds())
	if _, err := frozen.Pass(t.Context(), time.Now()); err == nil {
		t.Error("the frozen leader planned after it was replaced")
	}
	pass(t, second, time.Now())
}

// A leader whose own bus is away holds, and is no obstacle to one whose bus is there; one that plans, or has just begun,
// is left alone.
func TestALeaderWithoutABusIsRelieved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.lead(t, "scheduler-1")
	relieves := func(want bool, when string) {
		t.Helper()
		if relieved, err := f.Relieve(t.Context()); err != nil || relieved != want {
			t.Errorf("%s: relieved %t, %v", when, relieved, err)
		}
	}
	f.exec(t, `UPDATE leader SET since = since - interval '1 min'`)
	relieves(false, "it plans")
	if err := first.Hold(t.Context(), 6*time.Second); err != nil {
		t.Fatal(err)
	}
	relieves(true, "it holds")
	if err := first.Hold(t.Context(), 7*time.Second); err == nil {
		t.Error("it writes on")
	}
	var second *postgres.Term
	wait.For(t, 5*time.Second, "the next leader", func() bool {
		second, _ = f.Campaign(t.Context(), "scheduler-2")
		return second != nil
	})
	defer func() { _ = second.Close(context.Background()) }()
	relieves(false, "it has just begun")
	pass(t, second, time.Time{})
	f.exec(t, `UPDATE leader SET since = since - interval '1 min'`)
	relieves(false, "it has planned")
	if n := f.number(t, `SELECT count(*) FROM outages WHERE reason = 'broker-down' AND to_at IS NOT NULL`); n != 1 {
		t.Errorf("%d outages", n)
	}
}
