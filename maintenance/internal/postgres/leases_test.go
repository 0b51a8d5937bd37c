package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

// A receipt is what was known when it was written: what comes later, by a late answer or a Sync, stands with the lease. The
// row is the truth though nobody was ever told of it, as when view-service dies behind the commit.
func TestWhatInstancesMadeOfALeaseBecomesKnown(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for _, name := range []string{"c-1", "c-2", "c-3", "c-4"} {
		hear(t, s, said(name, "e1"))
	}
	hear(t, s, said("c-5", "e1", func(r *fleet.Report) { r.Stopping = true }))
	l, targets := set(t, s, newLease("catalogs"), time.Minute)
	if len(targets) != 4 || results(t, s, everything(), l.ID) != "set c-1 silent; set c-2 silent; set c-3 silent; set c-4 silent" {
		t.Fatalf("%v, %s", targets, results(t, s, everything(), l.ID))
	}
	ack := func(name, state, why string) lease.Outcome {
		return lease.Outcome{Target: lease.Target{Service: "catalogs", Instance: name}, State: state, Error: why, TookMS: 2.5, Via: lease.ByAck}
	}
	if err := s.Learn(t.Context(), l.ID, lease.OnSet, []lease.Outcome{ack("c-1", lease.Applied, ""), ack("c-9", lease.Applied, "")}); err != nil {
		t.Fatal(err)
	}
	for _, late := range []lease.Outcome{ack("c-2", lease.Refused, "no"), ack("c-1", lease.Refused, "is known already")} {
		if err := s.LearnLate(t.Context(), l.ID, l.Revision, late); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.LearnLate(t.Context(), l.ID, l.Revision+5, ack("c-3", lease.Applied, "")); err != nil {
		t.Fatal(err) // of another change
	}
	all, _ := hear(t, s, said("c-3", "e1", applied(uuid.NewString())))
	if len(all) != 1 {
		t.Fatalf("what c-3 should hold: %v", all)
	}
	hear(t, s, said("c-3", "e1", at(l.Revision), applied(l.ID)))
	hear(t, s, said("c-6", "e1", at(l.Revision), applied(l.ID))) // it came later
	if got := results(t, s, everything(), l.ID); got != "set c-1 applied ack; set c-2 refused ack no; set c-3 applied sync; set c-4 silent; set c-6 applied sync" {
		t.Errorf("by and by: %s", got)
	}
	hear(t, s, said("c-3", "e1", func(r *fleet.Report) { r.Applied = []fleet.Applied{{ID: l.ID, Error: "no more"}} }))
	dropped, targets, err := s.DropLease(t.Context(), l.ID, lease.Actor{Subject: "u", Name: "n"})
	if err != nil || len(targets) != 5 || dropped.State() != lease.Dropped {
		t.Fatalf("%+v %v %v", dropped, targets, err)
	}
	hear(t, s, said("c-1", "e1", at(dropped.Revision)))
	hear(t, s, said("c-3", "e1", at(l.Revision)))                      // it has not heard of it
	hear(t, s, said("c-6", "e1", at(dropped.Revision), applied(l.ID))) // it holds it all the same
	want := "end c-1 applied sync; end c-2 silent; end c-3 silent; end c-4 silent; end c-6 silent; set c-1 applied ack; set c-2 refused ack no; set c-3 refused sync no more; set c-4 silent; set c-6 applied sync"
	if got := results(t, s, everything(), l.ID); got != want {
		t.Errorf("after the drop: %s", got)
	}
	if got := results(t, s, only("gateway"), l.ID); got != "" {
		t.Errorf("beyond the scope: %s", got)
	}
	if rows := audited(t, s, lease.AuditFilter{}); actions(rows) != "lease.set lease.drop" || len(rows[0].Results) != 5 || len(rows[1].Results) != 5 {
		t.Errorf("audit %+v", rows)
	}
}

func TestALeaseIsOverOnceInTheBooks(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	hear(t, a, said("catalogs-1", "e1"))
	var over []string
	for range 20 {
		l, _ := set(t, a, newLease("catalogs"), 0)
		over = append(over, l.ID)
	}
	kept := newLease("catalogs")
	kept.Keep = true
	kept, _ = set(t, a, kept, 0)
	holds, _ := set(t, a, newLease("catalogs"), time.Minute)
	answer, err := a.Heard(t.Context(), said("catalogs-1", "e1"))
	if err != nil || !answer.Overdue || len(answer.Leases) != 2 {
		t.Fatalf("%+v %v", answer, err)
	}
	var all sync.WaitGroup
	for _, s := range []*Store{a, b, a, b} {
		all.Go(func() {
			for {
				ended, err := s.ExpireLeases(context.WithoutCancel(t.Context()))
				if err != nil {
					t.Error(err)
				}
				if len(ended) == 0 || err != nil {
					return
				}
			}
		})
		all.Go(func() {
			_, err := s.Heard(context.WithoutCancel(t.Context()), said("catalogs-1", "e1", func(r *fleet.Report) {
				for _, id := range over {
					r.Events = append(r.Events, lease.Event{ID: uuid.NewSHA1(uuid.Nil, []byte(id)).String(), LeaseID: id, Service: "catalogs", Instance: "catalogs-1",
						What: lease.EventExpired, At: time.Now()})
				}
			}))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, id := range over {
		rows := audited(t, a, lease.AuditFilter{Subject: id})
		if actions(rows) != "lease.set lease.expire" || rows[0].Name != "expiry" || len(rows[0].Results) != 1 || rows[0].Results[0].State != lease.Applied {
			t.Errorf("audit of %s: %+v", id, rows)
		}
	}
	if rows := audited(t, a, lease.AuditFilter{}); len(rows) != 42 {
		t.Errorf("%d rows", len(rows))
	}
	for id, want := range map[string]string{over[0]: lease.Expired, kept.ID: lease.Active, holds.ID: lease.Active} {
		if l, err := b.Lease(t.Context(), id); err != nil || l.State() != want || l.Keep != (id == kept.ID) {
			t.Errorf("%+v, %v", l, err)
		}
	}
	if l, _, err := a.DropLease(t.Context(), over[0], lease.Actor{Name: "n"}); !errors.Is(err, lease.ErrOver) || l.State() != lease.Expired || l.EndedAt == nil {
		t.Errorf("a drop of what is over: %+v %v", l, err)
	}
	if answer, err = a.Heard(t.Context(), said("catalogs-1", "e1")); err != nil || answer.Overdue {
		t.Errorf("afterwards: %+v %v", answer, err)
	}
}

func TestWhatInstancesTellCountsOnce(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	mine, _ := set(t, s, newLease("catalogs"), time.Minute)
	others, _ := set(t, s, newLease("gateway"), time.Minute)
	event := func(what, id string) lease.Event {
		return lease.Event{ID: uuid.NewString(), LeaseID: id, Service: "catalogs", Instance: "catalogs-1", What: what, At: time.Now(), Detail: "why", Before: "INFO", After: "DEBUG"}
	}
	by := event(lease.EventLocalSet, "local-1")
	by.Actor = "root@host"
	report := said("catalogs-1", "e1", func(r *fleet.Report) {
		r.Events = []lease.Event{event(lease.EventSpent, mine.ID), event(lease.EventSpent, others.ID), by, by, event(lease.EventLocalReset, "local-1"), event(lease.EventRefused, mine.ID),
			event(lease.EventResumed, mine.ID), event("something new", mine.ID), event(lease.EventSpent, "no lease"), event(lease.EventExpired, uuid.NewString())}
	})
	var mu sync.Mutex
	var noted []lease.Noted
	var all sync.WaitGroup
	for range 5 { // an answer that gets lost has it said again
		all.Go(func() {
			a, err := s.Heard(context.WithoutCancel(t.Context()), report)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			noted = append(noted, a.Noted...)
		})
	}
	all.Wait()
	rows := audited(t, s, lease.AuditFilter{})
	if actions(rows) != "lease.set lease.set lease.spent level.local level.local" || len(noted) != 3 {
		t.Fatalf("%s; %v", actions(rows), noted)
	}
	if c := rows[1]; c.Name != "root@host" || c.Actor != "catalogs/catalogs-1" || c.Service != "catalogs" || part(t, c, "before").Value != "INFO" || part(t, c, "after").Value != "DEBUG" {
		t.Errorf("local: %+v", c)
	}
	if c := rows[2]; c.Subject != mine.ID || part(t, c, "before").LeaseID != mine.ID || part(t, c, "after").Value != "DEBUG" {
		t.Errorf("spent: %+v %s", c, c.Detail)
	}
	if got := results(t, s, everything(), mine.ID); got != "set catalogs-1 refused sync why; spent catalogs-1" {
		t.Errorf("results: %s", got)
	}
	if got := results(t, s, everything(), others.ID); got != "" {
		t.Errorf("of a lease that is not for it: %s", got)
	}
	events, err := s.Events(t.Context(), everything(), mine.ID)
	if err != nil || len(events) != 4 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// A change that an instance tells of is counted as one of the lease's kind.
func TestASpentDebugIsNoLevel(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	l := newLease("")
	l.Kind, l.Value, l.Budget.Lines = "debug", `{"level":"DEBUG","user":"42"}`, 5
	mine, _ := set(t, s, l, time.Minute)
	a, err := s.Heard(t.Context(), said("catalogs-1", "e1", func(r *fleet.Report) {
		r.Events = []lease.Event{{ID: uuid.NewString(), LeaseID: mine.ID, Service: "catalogs", Instance: "catalogs-1", What: lease.EventSpent, At: time.Now()}}
	}))
	if want := []lease.Noted{{Kind: "debug", Action: lease.ActionSpent}}; err != nil || !slices.Equal(a.Noted, want) {
		t.Errorf("%+v, want %+v (%v)", a.Noted, want, err)
	}
	if rows := audited(t, s, lease.AuditFilter{Action: lease.ActionSpent}); len(rows) != 1 || rows[0].Service != "catalogs" || part(t, rows[0], "after").Value != "configured" {
		t.Errorf("%+v", rows)
	}
}

func TestDriftStandsWithTheInstance(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	at := func(level string) func(*fleet.Report) {
		return func(r *fleet.Report) {
			r.Loggers = []lease.Logger{{Configured: "INFO", Effective: level}}
			r.Instance.Version, r.Settings = "1", "same"
		}
	}
	other := func(r *fleet.Report) { r.Settings = "other" }
	drift := func() (all []string) {
		t.Helper()
		found, err := s.Instances(t.Context(), everything())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range found {
			for _, d := range i.Drift {
				if time.Since(d.Since) > time.Minute {
					t.Errorf("since %s", d.Since)
				}
				all = append(all, i.Instance+" "+d.What+" "+d.Have)
			}
		}
		return all
	}
	counted := func() int {
		t.Helper()
		now, err := s.Standing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return now.Drift["catalogs"]
	}
	for _, name := range []string{"c-1", "c-2", "c-3"} {
		hear(t, s, said(name, "e1", at("INFO")))
	}
	if got := drift(); got != nil || counted() != 0 {
		t.Fatalf("at the start: %q", got)
	}
	hear(t, s, said("c-2", "e1", at("DEBUG")))
	hear(t, s, said("c-3", "e1", at("INFO"), other))
	if got := drift(); !slices.Equal(got, []string{"c-2 level DEBUG", "c-3 settings other"}) || counted() != 2 {
		t.Errorf("%q, %d counted", got, counted())
	}
	hear(t, s, said("c-2", "e1", at("INFO")))
	hear(t, s, said("c-3", "e1", at("INFO"), other, func(r *fleet.Report) { r.Stopping = true }))
	if got := drift(); got != nil || counted() != 0 {
		t.Errorf("repaired, and stopped: %q", got)
	}
}

func TestWhatEndedLongAgoIsForgotten(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	old, _ := set(t, s, newLease("catalogs"), 0)
	young, _ := set(t, s, newLease("catalogs"), 0)
	if _, err := s.ExpireLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Pool().Exec(t.Context(), `UPDATE leases SET ended_at = now() - interval '91 days' WHERE id = $1`, old.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lease(t.Context(), old.ID); !errors.Is(err, lease.ErrUnknown) {
		t.Errorf("the old one: %v", err)
	}
	if _, err := s.Lease(t.Context(), young.ID); err != nil {
		t.Errorf("the young one: %v", err)
	}
	if rows := audited(t, s, lease.AuditFilter{}); len(rows) != 4 {
		t.Errorf("the audit forgets: %d rows", len(rows))
	}
}

// What an audience of 500 instances with 50 loggers each costs the change itself.
func TestAChangeForManyInstances(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	_, err := s.db.Pool().Exec(t.Context(), `INSERT INTO instances (service, instance, version, epoch, pid, public_address, private_address, environment, health, root_level, loggers)
		SELECT 'catalogs', 'c-' || n, '1', 'e', 1, 'a:1', 'a:2', 'test', 'up', 'INFO', (SELECT jsonb_agg(jsonb_build_object('name', CASE m WHEN 0 THEN NULL ELSE 'catalogs.logger.' || m END,
			'configured', 'INFO', 'effective', 'INFO')) FROM generate_series(0, 50) m) FROM generate_series(1, 500) n`)
	if err != nil {
		t.Fatal(err)
	}
	set(t, s, newLease("catalogs"), time.Minute) // the first change reads the tables from the disk
	start := time.Now()
	l, targets := set(t, s, newLease("catalogs"), time.Minute)
	t.Logf("METRIC lease_set_500_instances_ms=%.1f limit=25", float64(time.Since(start).Microseconds())/1000)
	if rows := audited(t, s, lease.AuditFilter{Subject: l.ID}); len(targets) != 500 || len(rows[0].Results) != 500 || part(t, rows[0], "before").Levels["INFO"] != 500 {
		t.Errorf("%d targets", len(targets))
	}
	start = time.Now()
	var outcomes []lease.Outcome
	for _, target := range targets {
		outcomes = append(outcomes, lease.Outcome{Target: target, State: lease.Applied, TookMS: 1, Via: lease.ByAck})
	}
	if err := s.Learn(t.Context(), l.ID, lease.OnSet, outcomes); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC lease_receipt_kept_500_instances_ms=%.1f limit=25", float64(time.Since(start).Microseconds())/1000)
}
