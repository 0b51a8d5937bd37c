package postgres

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func said(instance, epoch string, edit ...func(*fleet.Report)) fleet.Report {
	r := fleet.Report{Instance: fleet.Instance{Service: "catalogs", Instance: instance, Epoch: epoch, Health: "up",
		PublicAddress: "127.0.0.1:1", Checks: []byte("[]"), Loggers: []byte("[]"), Applied: []byte("[]")}}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func hear(t *testing.T, s *Store, r fleet.Report) ([]lease.Lease, int64) {
	t.Helper()
	a, err := s.Heard(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a.Leases, a.Revision
}

func newLease(service string) lease.Lease {
	return lease.Lease{ID: uuid.NewString(), Kind: "level", Service: service, Value: "DEBUG", Owner: "u", OwnerName: "n", Reason: "r"}
}

// Revisions are committed in their order and without holes, whichever replicas change leases at once: who has
// seen one has seen all before it.
func TestRevisionsAreWithoutHoles(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	var mu sync.Mutex
	var revisions []int64
	var wg sync.WaitGroup
	for _, s := range []*Store{a, b} {
		wg.Go(func() {
			for range 20 {
				l, _, err := s.SetLease(t.Context(), newLease(""), time.Minute, nil)
				if err != nil {
					t.Error(err)
					return
				}
				dropped, _, err := s.DropLease(t.Context(), l.ID, lease.Actor{Name: "n"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				revisions = append(revisions, l.Revision, dropped.Revision)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(revisions)
	for i, r := range revisions {
		if r != int64(i+1) {
			t.Fatalf("revisions %v", revisions)
		}
	}
	if all, revision := hear(t, a, said("catalogs-1", "e1")); len(all) != 0 || revision != 80 {
		t.Errorf("at the end: %v at revision %d", all, revision)
	}
}

func TestALeaseEndsByTheClock(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	l, _, err := s.SetLease(t.Context(), newLease("catalogs"), time.Minute, nil)
	if err != nil || l.Remaining < 59*time.Second || l.Remaining > time.Minute {
		t.Fatalf("%+v, %v", l, err)
	}
	over, _, err := s.SetLease(t.Context(), newLease("catalogs"), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if all, _ := hear(t, s, said("catalogs-1", "e1")); len(all) != 1 || all[0].ID != l.ID {
		t.Errorf("in force: %+v", all)
	}
	if _, _, err := s.DropLease(t.Context(), over.ID, lease.Actor{}); !errors.Is(err, lease.ErrOver) {
		t.Errorf("drop what has ended: %v", err)
	}
	if all, err := s.Leases(t.Context(), logs.Scope{All: true}, lease.Filter{Ended: true, Limit: 10}); err != nil || len(all) != 2 {
		t.Errorf("with those that have ended: %+v, %v", all, err)
	}
}

func TestAnOlderRunDoesNotSpeakForAYoungerOne(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e2"))
	hear(t, s, said("catalogs-1", "e1", func(r *fleet.Report) { r.Stopping = true }))
	all, err := s.Instances(t.Context(), logs.Scope{All: true})
	if err != nil || len(all) != 1 || all[0].Epoch != "e2" || all[0].State != fleet.Live {
		t.Fatalf("%+v, %v", all, err)
	}
	hear(t, s, said("catalogs-1", "e2", func(r *fleet.Report) { r.Stopping = true }))
	if all, _ = s.Instances(t.Context(), logs.Scope{All: true}); all[0].State != fleet.Stopped {
		t.Errorf("after its last word: %+v", all)
	}
	if live, err := s.Members(t.Context(), "", ""); err != nil || len(live) != 0 {
		t.Errorf("live: %v, %v", live, err)
	}
}

func TestACleanStopLeavesNoGap(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 2, 3))
	silent := func() []string {
		t.Helper()
		if err := exec(t, s, `UPDATE ledger SET heard_at = now() - interval '1 minute'`); err != nil {
			t.Fatal(err)
		}
		return gaps(t, s)
	}
	if got := silent(); !slices.Equal(got, []string{"info 4-0 tail unknown"}) {
		t.Errorf("no last word: %v", got)
	}
	hear(t, s, said("catalogs-1", "e1", func(r *fleet.Report) { r.Ledgers = []fleet.Ledger{{Class: "info", Issued: 5, Closed: true}} }))
	if got := silent(); !slices.Equal(got, []string{"info 4-5 not arrived"}) {
		t.Errorf("closed, and two are on their way: %v", got)
	}
	write(t, s, recs(4, 5))
	if got := silent(); got != nil {
		t.Errorf("closed and complete: %v", got)
	}
}

// A run that was killed has a known end once its spool was shipped and the line that says so has arrived.
func TestARecoveredRunLeavesNoGap(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 2, 3))
	if err := exec(t, s, `UPDATE ledger SET heard_at = now() - interval '1 minute'`); err != nil {
		t.Fatal(err)
	}
	line := recs(1)
	r := &line[0]
	killed := r.Epoch
	r.Epoch = killed + "-next"
	r.Attrs = []byte(`{"ended_instance":"` + r.Instance + `","ended_epoch":"` + killed + `","last_seq":{"info":3}}`)
	r.Logger = "another" + recoverySuffix
	write(t, s, line)
	if got := gaps(t, s); !slices.Equal(got, []string{"info 4-0 tail unknown"}) {
		t.Errorf("another service's line: %v", got)
	}
	r.Seq, r.Logger = 2, r.Service+recoverySuffix
	write(t, s, line)
	if got := gaps(t, s); got != nil {
		t.Errorf("recovered: %v", got)
	}
}

// What sends lines and serves nothing has a ledger, and is no part of the fleet.
func TestASenderIsNoInstance(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	l, _ := set(t, s, newLease(""), time.Minute)
	hear(t, s, said("postgresql-1", "e1", func(r *fleet.Report) {
		r.Instance.PublicAddress = ""
		r.Applied = []fleet.Applied{{ID: l.ID, Error: "this version knows no levels"}}
	}))
	if got := results(t, s, everything(), l.ID); got != "" {
		t.Errorf("it answers to a lease: %s", got)
	}
	if all, err := s.Instances(t.Context(), logs.Scope{All: true}); err != nil || len(all) != 0 {
		t.Errorf("instances %+v, %v", all, err)
	}
}

// Before the schema is there a report is refused without a word to the server, where it would be an error of PostgreSQL's.
func TestAReportBeforeTheSchema(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "maintenance")
	d, err := pg.Open(pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = New(d).Heard(t.Context(), said("catalogs-1", "e1"))
	if err == nil || strings.Contains(err.Error(), "does not exist") || d.Pool().Stat().AcquireCount() != 0 {
		t.Errorf("%v, after %d asks", err, d.Pool().Stat().AcquireCount())
	}
}
