package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
)

func TestRunByHand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 3600))
	first, err := f.Run(t.Context(), "billing.a", "ann")
	if err != nil {
		t.Fatal(err)
	}
	second, _ := f.Run(t.Context(), "billing.a", "ann")
	fires := f.fires(t, "billing.a")
	if first == second || len(fires) != 2 || !fires[0].Manual || fires[0].RequestedBy != "ann" {
		t.Errorf("%s, %s: %+v", first, second, fires)
	}
	if _, err := f.Run(t.Context(), "billing.none", "ann"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("an unknown schedule: %v", err)
	}
}

func TestFiresAreRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("a", 1))
	pass(t, f.lead(t, "s"), time.Now().Add(6*time.Second))
	all := f.fires(t, "billing.a")
	page := postgres.FireFilter{Scope: postgres.Scope{Services: []string{"billing"}}, Limit: 2}
	var seen []string
	for {
		rows, err := f.Fires(t.Context(), page)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			seen = append(seen, row.ID)
		}
		page.Before, page.BeforeID = rows[len(rows)-1].Due, rows[len(rows)-1].ID
	}
	if len(seen) != len(all) || len(all) < 5 {
		t.Errorf("pages hold %d of %d rows", len(seen), len(all))
	}
	none, _ := f.Fires(t.Context(), postgres.FireFilter{Scope: postgres.Scope{Services: []string{"catalogs"}}, Limit: 10})
	hidden, _ := f.Schedules(t.Context(), postgres.ScheduleFilter{Scope: postgres.Scope{Services: []string{"catalogs"}}, Limit: 10})
	if len(none) != 0 || len(hidden) != 0 {
		t.Errorf("another service's scope sees %d fires and %d schedules", len(none), len(hidden))
	}
	shown, err := f.Schedules(t.Context(), postgres.ScheduleFilter{Scope: postgres.Scope{All: true}, Limit: 10})
	if err != nil || len(shown) != 1 || shown[0].LastFire == nil || shown[0].LastFire.ID != all[0].ID {
		t.Errorf("%+v, %v", shown, err)
	}
}

func TestLateAndFailingSchedules(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, name := range []string{"billing.late", "billing.paused", "billing.ok", "billing.held"} {
		f.put(t, edit(name, api.Spec{Cron: "@daily"}))
	}
	if _, err := f.Pause(t.Context(), "billing.paused", "ann", "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.db.Pool().Exec(t.Context(), `UPDATE schedules SET next_due = now() - interval '1 min',
		look_at = CASE name WHEN 'billing.held' THEN now() + interval '1 min' ELSE now() - interval '1 min' END WHERE name <> 'billing.ok'`); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{
		postgres.IsLate: "billing.late", postgres.IsPaused: "billing.paused", postgres.IsOK: "billing.held billing.ok", postgres.IsFailing: "", postgres.IsEdited: "",
	} {
		var names []string
		found, err := f.Schedules(t.Context(), postgres.ScheduleFilter{Scope: postgres.Scope{All: true}, State: state, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range found {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", state, got, want)
		}
	}
}

func TestABriefListHasNoHistory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.put(t, edit("billing.made", api.Spec{Cron: "@daily"}))
	if _, err := f.Run(t.Context(), "billing.made", "ann"); err != nil {
		t.Fatal(err)
	}
	for _, brief := range []bool{true, false} {
		found, err := f.Schedules(t.Context(), postgres.ScheduleFilter{Scope: postgres.Scope{All: true}, Brief: brief, Limit: 10})
		if err != nil || len(found) != 1 || (found[0].LastFire == nil) != brief || found[0].NextDue == nil {
			t.Errorf("brief %t: %+v, %v", brief, found, err)
		}
	}
}
