package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
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

// Once a pause is committed nothing more is fired, however busy the planner is.
func TestC11_NothingFiresAfterAPause(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 1))
	term := f.lead(t, "s")
	ctx, cancel := context.WithCancel(t.Context())
	var planner sync.WaitGroup
	planner.Go(func() {
		for now := time.Now(); ctx.Err() == nil; now = now.Add(time.Second) {
			if _, err := term.Pass(ctx, now); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	after := 0
	for range 50 {
		if _, err := f.Pause(t.Context(), "billing.a", "ann", "race"); err != nil {
			t.Fatal(err)
		}
		before := f.planned(t)
		f.skips(t)
		after += f.planned(t) - before
		if _, err := f.Resume(t.Context(), "billing.a", "ann"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	planner.Wait()
	t.Logf("METRIC c11_fires_after_pause=%d limit=0", after)
	if after != 0 || f.planned(t) == 0 {
		t.Errorf("%d fires after a pause, %d in all", after, f.planned(t))
	}
}

func (f fixture) planned(t *testing.T) (n int) {
	t.Helper()
	err := f.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM fires WHERE state = 'planned'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// skips waits until the planner has passed over the paused schedule.
func (f fixture) skips(t *testing.T) {
	t.Helper()
	newest := func() string {
		rows, err := f.Fires(t.Context(), postgres.FireFilter{Scope: postgres.Scope{All: true}, State: api.Skipped, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return ""
		}
		return rows[0].ID
	}
	before := newest()
	wait.For(t, 10*time.Second, "a skipped due time", func() bool { return newest() != before })
}
