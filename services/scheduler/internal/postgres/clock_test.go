package postgres_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A clock that is stepped forwards and backwards by hours: no due time twice, none left out.
func TestC7_ClockSteps(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 600)
	s.Misfire, s.Window = timed.MisfireAll, 24*time.Hour
	f.declare(t, s)
	term := f.lead(t, "s")
	base := time.Now()
	for _, step := range []time.Duration{0, time.Hour, -3 * time.Hour, 0, 3 * time.Hour, -time.Second, 2 * time.Hour, 3*time.Hour + time.Second} {
		for complete := false; !complete; {
			complete = pass(t, term, base.Add(step)).Complete
		}
	}
	fires := f.fires(t, "billing.a")
	duplicated, lost := 0, 0
	for i, fire := range fires[1:] {
		switch gap := fires[i].Due.Sub(fire.Due); {
		case gap == 0:
			duplicated++
		case gap != 10*time.Minute:
			lost++
		}
	}
	t.Logf("METRIC c7_duplicated=%d limit=0", duplicated)
	t.Logf("METRIC c7_lost=%d limit=0", lost)
	if duplicated+lost != 0 || len(fires) < 17 {
		t.Errorf("%d fires, %d duplicated, %d lost", len(fires), duplicated, lost)
	}
}

// Once a pause, a deletion or an edit is committed nothing more is fired that was due by what was before, however busy
// the planner is.
func TestC11_NothingFiresAfterAPauseADeletionOrAnEdit(t *testing.T) {
	t.Parallel()
	const rounds = 500
	f := newFixture(t)
	spec := timed.SpecOf(timed.Schedule{Every: time.Second, Misfire: timed.MisfireAll, CatchUp: 5})
	edit := postgres.Edit{Name: "billing.a", Service: "billing", By: "ann"}
	put := func(spec timed.Spec) {
		t.Helper()
		edit.Spec = spec
		if _, err := f.Put(t.Context(), edit); err != nil {
			t.Fatal(err)
		}
	}
	put(spec)
	term := f.lead(t, "s")
	ctx, cancel := context.WithCancel(t.Context())
	passed := make(chan struct{})
	var clock atomic.Int64 // a second for every pass
	clock.Store(time.Now().Unix())
	var planner sync.WaitGroup
	planner.Go(func() {
		defer close(passed) // a planner that failed is not waited for
		for ctx.Err() == nil {
			if _, err := term.Pass(ctx, time.Unix(clock.Add(1), 0)); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			select {
			case passed <- struct{}{}:
			default:
			}
		}
	})
	turn := func() { // a pass that began after this moment has ended
		<-passed
		<-passed
	}
	after := 0
	yearly := timed.SpecOf(timed.Schedule{Cron: "@yearly"})
	for round := range rounds {
		switch round % 3 {
		case 0:
			if _, err := f.Pause(t.Context(), "billing.a", "ann", "race"); err != nil {
				t.Fatal(err)
			}
		case 1:
			put(yearly)
		case 2:
			if err := f.Delete(t.Context(), edit); err != nil {
				t.Fatal(err)
			}
		}
		before := f.planned(t)
		turn()
		after += f.planned(t) - before
		if _, err := f.Resume(t.Context(), "billing.a", "ann"); err != nil && !errors.Is(err, postgres.ErrNotFound) {
			t.Fatal(err)
		}
		put(spec)
		due := time.Unix(clock.Load()-15, 0) // some of it late, some missed
		f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1 WHERE retired_at IS NULL`, due)
		turn()
	}
	cancel()
	planner.Wait()
	t.Logf("METRIC c11_rounds=%d", rounds)
	t.Logf("METRIC c11_fires_after=%d limit=0", after)
	if after != 0 || f.planned(t) < rounds/3 {
		t.Errorf("%d fires after it, %d in all", after, f.planned(t))
	}
}

// planned fires: those that were put out, whatever became of them.
func (f fixture) planned(t *testing.T) (n int) {
	t.Helper()
	err := f.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM fires WHERE state NOT IN ('skipped', 'waiting')`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
