package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func planNews(name string, revision int64, at time.Time) overdue.Change {
	return overdue.Change{Plan: overdue.Plan{Name: name, Service: "billing", Revision: revision, Spec: timed.Spec{EverySecs: 60, DeadlineMS: 10_000}}, At: at}
}

// Two replicas take the news of one schedule, mixed and doubled; both give the same answer.
func TestC12_OverdueIsKnownFromWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	from := time.Now().UTC().Truncate(time.Minute).Add(-10 * time.Minute)
	at := func(m int) time.Time { return from.Add(time.Duration(m) * time.Minute) }
	if n, err := a.Ended(t.Context(), map[string][]overdue.End{"billing.a": {{Due: at(1), Until: at(1), State: "done"}}}); n != 1 || err != nil {
		t.Fatalf("%d strangers, %v", n, err)
	}
	if err := a.Planned(t.Context(), []overdue.Change{planNews("billing.a", 1, from), planNews("billing.b", 1, from), planNews("billing.a", 1, at(3))}); err != nil {
		t.Fatal(err)
	}
	end := func(name string, m int) map[string][]overdue.End {
		return map[string][]overdue.End{name: {{Due: at(m), Until: at(m), State: "done"}}}
	}
	done := make(chan error)
	for m := 1; m <= 10; m++ {
		for _, name := range []string{"billing.a", "billing.b"} {
			if name == "billing.b" && m == 4 {
				continue
			}
			for _, replica := range []*Store{a, b} {
				go func() { _, err := replica.Ended(t.Context(), end(name, m)); done <- err }()
			}
		}
	}
	for range 2 * (10 + 9) {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	everything := logs.Scope{All: true}
	items, err := a.Overdue(t.Context(), everything, 10)
	if err != nil || len(items) != 1 || items[0].Schedule != "billing.b" || items[0].Count != 1 || !items[0].Due.Equal(at(4)) || !items[0].Last.Due.Equal(at(10)) {
		t.Fatalf("%+v, %v", items, err)
	}
	if items, err = a.Overdue(t.Context(), logs.Scope{Services: []string{"catalogs"}}, 10); err != nil || len(items) != 0 {
		t.Errorf("somebody else's: %+v, %v", items, err)
	}
	late, err := a.Late(t.Context())
	if err != nil || fmt.Sprintf("%d %s %d", len(late), late[0].Service, late[0].Schedules) != "1 billing 1" || late[0].For < 5*time.Minute {
		t.Errorf("%+v, %v", late, err)
	}
	paused := planNews("billing.b", 2, at(10))
	paused.Paused = true
	if err := a.Planned(t.Context(), []overdue.Change{paused}); err != nil {
		t.Fatal(err)
	}
	if items, err = a.Overdue(t.Context(), everything, 10); err != nil || len(items) != 0 {
		t.Errorf("paused: %+v, %v", items, err)
	}
}

// What a maintenance window holds back is not overdue while it lasts.
func TestOverdueInAWindow(t *testing.T) {
	t.Parallel()
	a, _ := fresh(t)
	held := planNews("billing.held", 1, time.Now().Add(-10*time.Minute))
	held.Spec.InWindow = timed.InWindowHold
	if err := a.Planned(t.Context(), []overdue.Change{held}); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		items, err := a.Overdue(t.Context(), logs.Scope{All: true}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	if count() != 1 {
		t.Fatal("it is not overdue")
	}
	must(t, a, `INSERT INTO leases (id, revision, kind, service, instance, logger, value, lines, bytes, owner, owner_name, reason, created_at, expires_at)
		VALUES (gen_random_uuid(), 1, 'window', 'billing', '', '', 'on', 0, 0, 'anna', 'anna', 'test', now() - interval '20 min', now() + interval '1 h')`)
	if count() != 0 {
		t.Error("held by a window, and overdue")
	}
	must(t, a, `UPDATE leases SET instance = 'billing-1'`)
	if count() != 1 {
		t.Error("a window of one instance, which holds no schedule, hides what is overdue")
	}
	must(t, a, `UPDATE leases SET instance = ''`)
	must(t, a, `UPDATE leases SET ended_at = now() - interval '1 min', ended = 'dropped'`)
	if count() != 1 {
		t.Error("the window is over, and it is not overdue")
	}
}

func must(t *testing.T, s *Store, sql string) {
	t.Helper()
	if err := exec(t, s, sql); err != nil {
		t.Fatal(err)
	}
}
