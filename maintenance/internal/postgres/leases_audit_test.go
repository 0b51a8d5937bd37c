package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// What the audit says held before, and holds after, may be a lease on more: of all services, or of a logger above.
func TestTheAuditKnowsWhatIsBehindALease(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	leased := func(service, logger, value string) string {
		l := newLease(service)
		l.Logger, l.Value = logger, value
		made, _ := set(t, s, l, time.Minute)
		return made.ID
	}
	leased("gateway", "", "ERROR")
	leased("catalogs", "catalogs.st", "ERROR")
	all := leased("", "", "WARN")
	whole := leased("catalogs", "", "INFO")
	store := leased("catalogs", "catalogs.store", "DEBUG")
	leased("", "", "ERROR") // newer, and of less
	for _, id := range []string{store, whole} {
		if _, _, err := s.DropLease(t.Context(), id, lease.Actor{Name: "n"}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, c := range audited(t, s, lease.AuditFilter{}) {
		if c.Subject == all || c.Subject == whole || c.Subject == store {
			got = append(got, strings.TrimPrefix(c.Action, "lease.")+" "+part(t, c, "before").Value+" "+part(t, c, "after").Value)
		}
	}
	slices.Sort(got)
	if want := []string{"drop DEBUG INFO", "drop INFO ERROR", "set INFO DEBUG", "set WARN INFO", "set configured WARN"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Two operators change the same target at once: both are audited, each with what he found, and the later one holds.
func TestTwoOperatorsAtOnce(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	hear(t, a, said("catalogs-1", "e1", func(r *fleet.Report) {
		r.Loggers = []lease.Logger{{Effective: "INFO"}, {Name: "x", Configured: "WARN", Effective: "WARN"}}
		r.Instance.Loggers = []byte(`[{"configured":"INFO","effective":"INFO"},{"name":"x","configured":"WARN","effective":"WARN"}]`)
	}))
	var all sync.WaitGroup
	for i, s := range []*Store{a, b, a, b, a, b} {
		all.Go(func() {
			l := newLease("catalogs")
			l.Value, l.OwnerName, l.Logger = []string{"DEBUG", "ERROR"}[i%2], fmt.Sprint("operator ", i), "x.y"
			if _, _, err := s.SetLease(context.WithoutCancel(t.Context()), l, time.Minute, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	rows := audited(t, a, lease.AuditFilter{})
	slices.Reverse(rows)
	if len(rows) != 6 {
		t.Fatalf("%d rows", len(rows))
	}
	for i, c := range rows {
		before := part(t, c, "before")
		if i == 0 && before.Value != "configured" || i > 0 && before.LeaseID != rows[i-1].Subject || before.Levels["WARN"] != 1 || part(t, c, "after").LeaseID != c.Subject {
			t.Errorf("%d: %s", i, c.Detail)
		}
	}
	held, _ := hear(t, a, said("catalogs-1", "e1"))
	order := lease.Holding(held, "catalogs", "catalogs-1")
	if last := order[len(order)-1]; len(held) != 6 || last.ID != rows[5].Subject {
		t.Errorf("the one that holds is %s, set last was %s", last.ID, rows[5].Subject)
	}
}

// broken is an outbox that takes nothing.
type broken struct{}

func (broken) Floor() int64 { return 0 }

func (broken) Queue(context.Context, *pgx.Batch, string, bus.Publication) error {
	return errors.New("no room")
}

func TestTheEventGoesWithTheChange(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	d, err := pg.Open(pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := d.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	s.Publish(outbox.New(outbox.Settings{DB: d, Source: "/view-service"}))
	l, _ := set(t, s, newLease("catalogs"), time.Minute)
	if _, _, err := s.DropLease(t.Context(), l.ID, lease.Actor{Name: "n"}); err != nil {
		t.Fatal(err)
	}
	over, _ := set(t, s, newLease("catalogs"), 0)
	if _, err := s.ExpireLeases(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := d.Pool().Query(t.Context(), `SELECT key, aggregate, convert_from(event, 'UTF8')::jsonb->'data' FROM outbox ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var key, aggregate string
		var data struct{ ID, Ended string }
		if err := rows.Scan(&key, &aggregate, &data); err != nil {
			t.Fatal(err)
		}
		if aggregate != data.ID || (data.ID != l.ID && data.ID != over.ID) {
			t.Errorf("%s of %s tells of %s", key, aggregate, data.ID)
		}
		got = append(got, key+" "+data.Ended)
	}
	if want := []string{eventSet + " ", eventEnded + " dropped", eventSet + " ", eventEnded + " expired"}; !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
	if now, err := s.Standing(t.Context()); err != nil || now.Waiting != 4 {
		t.Errorf("%+v, %v", now, err)
	}
	s.Publish(broken{})
	if _, _, err := s.SetLease(t.Context(), newLease("catalogs"), time.Minute, nil); err == nil {
		t.Error("a change without its event is made")
	}
	if all, err := s.Leases(t.Context(), everything(), lease.Filter{Limit: 10}); err != nil || len(all) != 0 {
		t.Errorf("what failed is there: %+v, %v", all, err)
	}
	if rows := audited(t, s, lease.AuditFilter{}); len(rows) != 4 {
		t.Errorf("%d rows in the audit", len(rows))
	}
}

func TestLeasesAndAuditAreFiltered(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	hear(t, s, said("g-1", "e1", func(r *fleet.Report) { r.Instance.Service = "gateway" }))
	var ids []string
	for _, service := range []string{"catalogs", "gateway", "", "catalogs"} {
		l := newLease(service)
		if len(ids) == 3 {
			l.Kind, l.Value = "window", `{"message":"x"}`
		}
		l, _ = set(t, s, l, time.Minute)
		ids = append(ids, l.ID)
	}
	if _, _, err := s.DropLease(t.Context(), ids[0], lease.Actor{Subject: "u-2", Name: "m"}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		scope logs.Scope
		f     lease.Filter
		want  []int
	}{
		"all":          {everything(), lease.Filter{}, []int{3, 2, 1}},
		"with ended":   {everything(), lease.Filter{Ended: true}, []int{3, 2, 1, 0}},
		"of a kind":    {everything(), lease.Filter{Kind: "window"}, []int{3}},
		"of a service": {everything(), lease.Filter{Service: "gateway", Ended: true}, []int{2, 1}},
		"in scope":     {only("catalogs"), lease.Filter{Ended: true}, []int{3, 2, 0}},
		"of nobody":    {only(), lease.Filter{}, []int{2}},
		"a page":       {everything(), lease.Filter{Ended: true, Limit: 2}, []int{3, 2}},
		"the next":     {everything(), lease.Filter{Ended: true, Limit: 2, Before: 3}, []int{1, 0}},
	} {
		if c.f.Limit == 0 {
			c.f.Limit = 10
		}
		all, err := s.Leases(t.Context(), c.scope, c.f)
		var got []int
		for _, l := range all {
			got = append(got, slices.Index(ids, l.ID))
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, c.want, err)
		}
	}
	now := time.Now()
	for name, c := range map[string]struct {
		scope logs.Scope
		f     lease.AuditFilter
		want  []int64
	}{
		"all":        {everything(), lease.AuditFilter{}, []int64{5, 4, 3, 2, 1}},
		"in scope":   {only("gateway"), lease.AuditFilter{}, []int64{3, 2}},
		"by service": {everything(), lease.AuditFilter{Service: "catalogs"}, []int64{5, 4, 3, 1}},
		"by subject": {everything(), lease.AuditFilter{Subject: ids[0]}, []int64{5, 1}},
		"by action":  {everything(), lease.AuditFilter{Action: "lease.drop"}, []int64{5}},
		"by actor":   {everything(), lease.AuditFilter{Actor: "u-2"}, []int64{5}},
		"by name":    {everything(), lease.AuditFilter{Actor: "n"}, []int64{4, 3, 2, 1}},
		"since":      {everything(), lease.AuditFilter{Since: now.Add(time.Hour)}, nil},
		"until":      {everything(), lease.AuditFilter{Until: now.Add(-time.Hour)}, nil},
		"a page":     {everything(), lease.AuditFilter{Before: 4, Limit: 2}, []int64{3, 2}},
	} {
		if c.f.Limit == 0 {
			c.f.Limit = 10
		}
		rows, err := s.Audit(t.Context(), c.scope, c.f)
		var got []int64
		for _, r := range rows {
			got = append(got, r.ID)
			for _, o := range r.Results {
				if !c.scope.All && !slices.Contains(c.scope.Services, o.Service) {
					t.Errorf("%s: shows %s", name, o.Instance)
				}
			}
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (%v)", name, got, c.want, err)
		}
	}
	held, changes, err := s.Annotations(t.Context(), only("gateway"), now.Add(-time.Hour), now.Add(time.Hour), nil, 10)
	if err != nil || len(held) != 2 || len(changes) != 0 {
		t.Errorf("annotations: %+v %+v %v", held, changes, err)
	}
	// The tags choose before the newest are taken: the dropped one is the oldest.
	held, changes, err = s.Annotations(t.Context(), everything(), now.Add(-time.Hour), now.Add(time.Hour), []string{"lease", "dropped"}, 1)
	if err != nil || len(held) != 1 || held[0].ID != ids[0] || len(changes) != 0 {
		t.Errorf("annotations of what was dropped: %+v %+v %v", held, changes, err)
	}
}
