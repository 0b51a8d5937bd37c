package postgres_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func edit(name string, spec api.Spec) postgres.Edit {
	return postgres.Edit{Name: name, Service: "billing", Spec: postgres.Normal(name, spec), By: "ann", Note: "why"}
}

func (f fixture) put(t *testing.T, e postgres.Edit) postgres.Edited {
	t.Helper()
	done, err := f.Put(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (f fixture) shown(t *testing.T, name string) api.Schedule {
	t.Helper()
	s, err := f.Schedule(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// age makes a declaration old enough to be retired.
func (f fixture) age(t *testing.T, name string) {
	t.Helper()
	if _, err := f.db.Pool().Exec(t.Context(), `UPDATE schedules SET declared_at = now() - interval '10 min' WHERE name = $1`, name); err != nil {
		t.Fatal(err)
	}
}

func (f fixture) changes(t *testing.T, name string) (all []string) {
	t.Helper()
	for _, p := range f.out.of(bus.Events, api.EventScheduleChanged) {
		var c api.ScheduleChanged
		if err := json.Unmarshal(p.Event.Data, &c); err != nil {
			t.Fatal(err)
		}
		if c.Schedule.Name == name {
			all = append(all, c.Action+" "+c.By)
		}
	}
	return all
}

func TestAnEditStaysUntilTheDeclarationSaysTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	declared := timed.Schedule{Name: "billing.a", Cron: "0 2 * * *", Payload: json.RawMessage(`{"a": "<1>"}`)}
	f.declare(t, declared)
	f.put(t, edit("billing.a", api.Spec{Cron: "0 5 * * *", Payload: json.RawMessage(`{"a": "<1>"}`)}))
	next := f.shown(t, "billing.a").NextDue

	declared.Cron = "0 3 * * *"
	if d := f.declare(t, declared); d != (postgres.Declared{Changed: 1}) {
		t.Errorf("another declaration: %+v", d)
	}
	s := f.shown(t, "billing.a")
	if s.Cron != "0 5 * * *" || s.Declared.Cron != "0 3 * * *" || !slices.Equal(s.Drift, []string{"cron"}) || !s.NextDue.Equal(*next) || s.EditedBy != "ann" {
		t.Errorf("%+v", s)
	}
	declared.Cron = "0 5 * * *"
	if d := f.declare(t, declared); d != (postgres.Declared{Changed: 1, Ended: "billing.a"}) {
		t.Errorf("the declaration of what was edited: %+v", d)
	}
	s = f.shown(t, "billing.a")
	if s.Cron != "0 5 * * *" || s.Declared != nil || s.Drift != nil || s.EditedBy != "" || s.EditedAt != nil || !s.NextDue.Equal(*next) {
		t.Errorf("%+v", s)
	}
	if d := f.declare(t, declared); d != (postgres.Declared{}) {
		t.Errorf("the same again: %+v", d)
	}
	if told := f.changes(t, "billing.a"); !slices.Equal(told, []string{"created billing", "edited ann", "changed billing", "changed billing"}) {
		t.Errorf("told %q", told)
	}
}

func TestAnEditedScheduleIsRetiredWithItsDeclaration(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	a, b := timed.Schedule{Name: "billing.a", Cron: "@daily"}, timed.Schedule{Name: "billing.b", Cron: "@daily"}
	f.declare(t, a, b)
	f.put(t, edit("billing.a", api.Spec{Cron: "@hourly"}))
	if _, err := f.Pause(t.Context(), "billing.a", "ann", "month end"); err != nil {
		t.Fatal(err)
	}
	f.age(t, "billing.a")
	if d := f.declare(t, b); d != (postgres.Declared{Retired: 1, Dropped: "billing.a"}) {
		t.Errorf("%+v", d)
	}
	if _, err := f.Schedule(t.Context(), "billing.a"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if d := f.declare(t, a, b); d != (postgres.Declared{Created: 1}) {
		t.Errorf("%+v", d)
	}
	if s := f.shown(t, "billing.a"); s.Cron != "@daily" || s.Declared != nil || !s.Paused {
		t.Errorf("declared anew it has its pause and no edit: %+v", s)
	}
}

func TestAMadeScheduleBecomesDeclared(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(t, edit("billing.a", api.Spec{Cron: "@hourly"}))
	made := f.shown(t, "billing.a")
	f.declare(t) // what was made is nothing to retire
	f.age(t, "billing.a")
	if d := f.declare(t); d != (postgres.Declared{}) {
		t.Errorf("%+v", d)
	}
	if d := f.declare(t, timed.Schedule{Name: "billing.a", Cron: "@daily"}); d != (postgres.Declared{Changed: 1}) {
		t.Errorf("%+v", d)
	}
	s := f.shown(t, "billing.a")
	if s.Origin != "declared" || s.Cron != "@hourly" || s.Declared == nil || s.Declared.Cron != "@daily" || !slices.Equal(s.Drift, []string{"cron"}) ||
		s.EditedBy != "ann" || !s.NextDue.Equal(*made.NextDue) {
		t.Errorf("%+v", s)
	}
	if err := f.Delete(t.Context(), edit("billing.a", api.Spec{})); !errors.Is(err, postgres.ErrDeclared) {
		t.Errorf("%v", err)
	}
	f.age(t, "billing.a")
	if d := f.declare(t); d != (postgres.Declared{Retired: 1, Dropped: "billing.a"}) {
		t.Errorf("%+v", d)
	}
	f.put(t, edit("billing.a", api.Spec{Cron: "@weekly"}))
	if s := f.shown(t, "billing.a"); s.Origin != "made" || s.Declared != nil || s.Revision <= made.Revision {
		t.Errorf("made over a retired one: %+v", s)
	}
}

// What was due and not planned when the timing changed has a row with the reason, and no fire.
func TestAnEditEndsWhatTheOldTimingWasDueFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(t, edit("billing.a", api.Spec{EverySecs: 60}))
	due := time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
	late := func() {
		if _, err := f.db.Pool().Exec(t.Context(), `UPDATE schedules SET next_due = $1, look_at = $1`, due); err != nil {
			t.Fatal(err)
		}
	}
	late()
	if done := f.put(t, edit("billing.a", api.Spec{EverySecs: 60, Attempts: 2})); !done.Schedule.NextDue.Equal(due) {
		t.Errorf("the timing is the same, and the next due time %v", done.Schedule.NextDue)
	}
	done := f.put(t, edit("billing.a", api.Spec{Cron: "@yearly"}))
	rows := f.fires(t, "billing.a")
	if len(rows) != 1 || rows[0].State != api.Skipped || rows[0].Reason != api.ReasonEdited || !rows[0].Due.Equal(due) || rows[0].Missed < 10 || rows[0].Missed > 12 {
		t.Errorf("%+v", rows)
	}
	if !done.Schedule.NextDue.After(time.Now()) {
		t.Errorf("%+v", done)
	}
	term := f.lead(t, "one")
	for range 3 {
		if _, err := term.Pass(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if rows := f.fires(t, "billing.a"); len(rows) != 1 {
		t.Errorf("%+v", rows)
	}
	due = due.Add(time.Minute)
	late()
	if err := f.Delete(t.Context(), edit("billing.a", api.Spec{})); err != nil {
		t.Fatal(err)
	}
	if rows := f.fires(t, "billing.a"); len(rows) != 2 || rows[0].Reason != api.ReasonRetired {
		t.Errorf("%+v", rows)
	}
}

// A schedule that could not be read for a while, its time zone for one, has no due time any more: it is declared and saved
// again as it was, and is due again.
func TestWhatCouldNotBeReadIsDueAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	declared := every("close", 60)
	f.declare(t, declared)
	f.put(t, edit("billing.made", api.Spec{Cron: "@daily"}))
	f.put(t, edit("billing.over", api.Spec{At: new(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))}))
	f.exec(t, `UPDATE schedules SET next_due = NULL, look_at = NULL`)
	if d := f.declare(t, declared); d.Changed != 1 || f.shown(t, "billing.close").NextDue == nil {
		t.Errorf("declared again: %+v, next %v", d, f.shown(t, "billing.close").NextDue)
	}
	if d := f.declare(t, declared); d.Changed != 0 {
		t.Errorf("declared once more: %+v", d)
	}
	if done := f.put(t, edit("billing.made", api.Spec{Cron: "@daily"})); !done.Changed || f.shown(t, "billing.made").NextDue == nil {
		t.Errorf("saved again: %+v", done)
	}
	if done := f.put(t, edit("billing.over", api.Spec{At: new(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))})); done.Changed || done.Schedule.NextDue != nil {
		t.Errorf("one that is over: %+v", done)
	}
}

// What the planner has not come to, or a window holds, is its own to fire: a backfill up to now would have it fired twice.
func TestABackfillLeavesThePlanItsDueTimes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(t, edit("billing.made", api.Spec{EverySecs: 60}))
	now := time.Now().UTC().Truncate(time.Minute)
	f.exec(t, `UPDATE schedules SET next_due = $1`, now.Add(-5*time.Minute))
	for _, again := range []bool{false, true} {
		got, err := f.Backfill(t.Context(), postgres.Backfill{Name: "billing.made", From: now.Add(-10 * time.Minute), To: time.Now().Add(10 * time.Second), Again: again, DryRun: true})
		if err != nil || got.Fires != 5 || got.Present < 6 {
			t.Errorf("again %t: %+v, %v", again, got, err)
		}
	}
	if _, err := f.Backfill(t.Context(), postgres.Backfill{Name: "billing.made", From: now, To: now.Add(10 * time.Minute)}); !errors.Is(err, postgres.ErrFuture) {
		t.Errorf("%v", err)
	}
}
