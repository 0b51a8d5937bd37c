package postgres_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestPassPutsAPausedDueTimeIntoTheLedger(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 1))
	if _, err := f.Pause(t.Context(), "billing.a", "ann", "why"); err != nil {
		t.Fatal(err)
	}
	p := pass(t, f.lead(t, "s"), time.Now().Add(3*time.Second))
	if p.Fired != 0 || p.Skipped[api.ReasonPaused] < 2 {
		t.Errorf("%+v", p)
	}
	if _, err := f.Resume(t.Context(), "billing.a", "ann"); err != nil {
		t.Fatal(err)
	}
	if len(f.out.of(bus.Schedule, "")) != 0 {
		t.Error("a paused schedule was fired")
	}
}

// What was due in a pause while nobody planned is not caught up after it, and is counted.
func TestAPauseWithinAnOutage(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 60)
	s.Misfire = timed.MisfireAll
	f.declare(t, s)
	missed := 0
	f.Missed = func(reason api.Reason, n int) {
		if reason == api.ReasonPaused {
			missed += n
		}
	}
	if _, err := f.Pause(t.Context(), "billing.a", "ann", "month end"); err != nil {
		t.Fatal(err)
	}
	first := time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, first)
	shown, err := f.Resume(t.Context(), "billing.a", "ann")
	if err != nil || shown.Paused || shown.NextDue == nil || !shown.NextDue.After(time.Now().Add(-time.Second)) {
		t.Fatalf("%+v, %v", shown, err)
	}
	term := f.lead(t, "s")
	if p := pass(t, term, time.Time{}); p.Fired+p.Waiting > 1 || len(f.out.of(bus.Schedule, "")) > 1 { // one where the minute has just turned
		t.Errorf("%+v", p)
	}
	if row := f.state(t, timed.FireID("billing.a", first)); row.Reason != api.ReasonPaused || row.Missed < 11 || row.Missed != missed {
		t.Errorf("%d counted, %+v", missed, row)
	}
	if again, err := f.Resume(t.Context(), "billing.a", "ann"); err != nil || !again.NextDue.Equal(*shown.NextDue) && again.NextDue.Before(*shown.NextDue) {
		t.Errorf("resumed twice: %+v, %v", again, err)
	}
}
