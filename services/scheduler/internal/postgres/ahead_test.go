package postgres_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const soon = 250 * time.Millisecond

// dueSoon sets the next due time of all schedules, and returns it; the server's clock is this machine's.
func (f fixture) dueSoon(t *testing.T) time.Time {
	t.Helper()
	due := time.Now().UTC().Truncate(time.Microsecond).Add(soon)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, due)
	return due
}

// ahead prepares what is due then, and returns when it is written and held, with what will come of it.
func (f fixture) ahead(t *testing.T, term *postgres.Term, due time.Time) <-chan plan.Pass {
	t.Helper()
	before := len(f.out.of(bus.Schedule, ""))
	ended := make(chan plan.Pass, 1)
	go func() {
		p, err := term.Ahead(t.Context(), due)
		if err != nil {
			t.Log(err)
		}
		ended <- p
	}()
	wait.For(t, 5*time.Second, "it to be written", func() bool { return len(f.out.of(bus.Schedule, "")) > before })
	return ended
}

// What is due together is written before, and there for nobody until it is due: no early fire. What depends on what may
// happen until then is left alone, and locked neither.
func TestC4_WhatIsPreparedIsNotEarly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	serial, held, paused := every("serial", 60), every("held", 60), every("paused", 60)
	serial.Overlap, held.InWindow = timed.OverlapSkip, timed.InWindowHold
	f.declare(t, every("a", 60), every("b", 60), every("c", 60), serial, held, paused)
	if _, err := f.Pause(t.Context(), "billing.paused", "ann", ""); err != nil {
		t.Fatal(err)
	}
	term := f.lead(t, "one")
	due := f.dueSoon(t)
	ended := f.ahead(t, term, due)
	if free := f.number(t, `SELECT count(*) FROM (SELECT name FROM schedules WHERE name IN ('billing.serial', 'billing.held', 'billing.paused') FOR UPDATE SKIP LOCKED) AS s`); free != 3 {
		t.Errorf("%d of 3 others can be changed meanwhile", free)
	}
	early := 0
	wait.For(t, 5*time.Second, "the fires", func() bool {
		early += f.number(t, `SELECT count(*) FROM fires WHERE clock_timestamp() < due`)
		return f.number(t, `SELECT count(*) FROM fires`) > 0
	})
	t.Logf("METRIC c4_early=%d limit=0", early)
	p := <-ended
	if early != 0 || p.Fired != 3 || len(p.Late) != 3 || p.Late[0] < 0 || p.Complete {
		t.Errorf("%d early, %+v", early, p)
	}
	if n := f.number(t, `SELECT count(*) FROM fires WHERE state = 'planned' AND due = $1 AND planned_at = $1 AND epoch = $2`, due, term.Epoch()); n != 3 {
		t.Errorf("%d rows", n)
	}
	for _, p := range f.out.of(bus.Schedule, "") {
		if p.Event.Time.Before(due) {
			t.Errorf("%s says it is from %s", p.Event.ID, p.Event.Time)
		}
	}
	if p := pass(t, term, due); p.Fired != 2 || p.Skipped[api.ReasonPaused] != 1 {
		t.Errorf("the others: %+v", p)
	}
	if n := f.number(t, `SELECT count(*) FROM fires`); n != 6 {
		t.Errorf("%d rows", n)
	}
}

// C-11: who pauses a schedule that is prepared waits for its fire, and then none follows.
func TestC11_APauseOfWhatIsPreparedHasNoFireAfterIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 1), every("b", 1))
	term := f.lead(t, "one")
	random := seed.New(t)
	for range seed.Runs(5, 50) {
		due := f.dueSoon(t)
		ended := f.ahead(t, term, due)
		<-time.After(time.Duration(random.Int64N(int64(soon))))
		if _, err := f.Pause(t.Context(), "billing.a", "ann", ""); err != nil {
			t.Fatal(err)
		}
		fired := f.number(t, `SELECT count(*) FROM fires WHERE schedule = 'billing.a' AND state <> 'skipped'`)
		if p := <-ended; p.Fired != 2 {
			t.Fatalf("%+v", p)
		}
		for i := range 3 {
			pass(t, term, due.Add(time.Duration(i)*time.Second))
		}
		if n := f.number(t, `SELECT count(*) FROM fires WHERE schedule = 'billing.a' AND state <> 'skipped'`); n != fired {
			t.Errorf("%d fires after the pause, %d before", n, fired)
		}
		if n := f.number(t, `SELECT count(*) FROM fires WHERE schedule = 'billing.a' AND due = $1`, due); n != 1 {
			t.Errorf("%d rows of the prepared due time", n)
		}
		if _, err := f.Resume(t.Context(), "billing.a", "ann"); err != nil {
			t.Fatal(err)
		}
		f.exec(t, `DELETE FROM fires`)
	}
}

// C-2: a leader that loses its session while it waits for the due time has written nothing; the next one fires, once.
func TestC2_WhatALostLeaderHasPreparedIsFiredByTheNext(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 60), every("b", 60))
	lost := f.lead(t, "one")
	due := f.dueSoon(t)
	ended := f.ahead(t, lost, due)
	f.exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`)
	if p := <-ended; p.Fired != 0 || f.number(t, `SELECT count(*) FROM fires`) != 0 {
		t.Errorf("%+v", p)
	}
	var next *postgres.Term
	wait.For(t, 5*time.Second, "the next leader", func() bool {
		next, _ = f.Campaign(t.Context(), "two")
		return next != nil
	})
	defer func() { _ = next.Close(t.Context()) }()
	pass(t, next, due)
	pass(t, next, due)
	if n := f.number(t, `SELECT count(*) FROM fires WHERE due = $1 AND epoch = $2`, due, next.Epoch()); n != 2 || f.number(t, `SELECT count(*) FROM fires`) != 2 {
		t.Errorf("%d rows of the next term", n)
	}
}

// C-7: where the server's clock is set back before the due time comes, nothing is held until then.
func TestC7_AClockThatIsSetBackHoldsNothing(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 60))
	term := f.lead(t, "one")
	due := f.dueSoon(t).Add(time.Hour)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, due)
	if p, err := term.Ahead(t.Context(), due); err != nil || p.Fired != 0 || f.number(t, `SELECT count(*) FROM fires`) != 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if p := pass(t, term, due); p.Fired != 1 {
		t.Errorf("in its time: %+v", p)
	}
}
