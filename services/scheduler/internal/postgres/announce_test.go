package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// The plan says how far each schedule has come: up to its first due time that has not ended, be it to come, at work, to be
// tried again, or waiting; what was asked for by hand is beside it.
func TestThePlanSaysHowFarEachScheduleHasCome(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var all []timed.Schedule
	for _, name := range []string{"ended", "manual", "open", "retried", "waiting"} {
		s := every(name, 3600)
		s.Attempts, s.Overlap = 3, timed.OverlapBufferAll
		all = append(all, s)
	}
	all = append(all, timed.Schedule{Name: "billing.once", At: time.Now().Add(time.Hour)})
	f.declare(t, all...)
	f.exec(t, `UPDATE schedules SET next_due = NULL, look_at = NULL WHERE name = 'billing.once'`) // it was fired, long ago
	due := time.Now().UTC().Truncate(time.Hour)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1 WHERE name <> 'billing.once'`, due)
	term := f.lead(t, "s")
	pass(t, term, due.Add(time.Second))
	f.confirm(t)
	for _, name := range []string{"ended", "manual", "retried"} {
		r := timed.Receipt{FireID: timed.FireID("billing."+name, due), Attempt: 1}
		if name == "retried" {
			r.Error = "no money"
		}
		if got := f.settle(t, "billing", r); got != plan.Done && got != plan.Again {
			t.Fatalf("%s: %s", name, got)
		}
	}
	if _, err := f.Run(t.Context(), "billing.manual", "ann"); err != nil {
		t.Fatal(err)
	}
	f.exec(t, `UPDATE fires SET state = 'waiting', reason = 'overlap' WHERE schedule = 'billing.waiting'`)
	if n, err := f.Announce(t.Context()); err != nil || n != len(all) {
		t.Fatalf("%d announced, %v", n, err)
	}
	var told api.PlanAnnounced
	if err := json.Unmarshal(f.out.of(bus.Events, api.EventPlanAnnounced)[0].Event.Data, &told); err != nil {
		t.Fatal(err)
	}
	for _, a := range told.Schedules {
		want := due.Add(-time.Microsecond) // of what has not ended
		switch a.Name {
		case "billing.ended", "billing.manual":
			want = due.Add(time.Hour - time.Microsecond)
		case "billing.once":
			want = a.SettledTo
			if late := time.Since(a.SettledTo); late < -time.Minute || late > time.Minute {
				t.Errorf("%s: settled to %s ago", a.Name, late)
			}
		}
		if !a.SettledTo.Equal(want) {
			t.Errorf("%s: settled to %s, want %s", a.Name, a.SettledTo, want)
		}
	}
}
