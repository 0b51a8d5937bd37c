package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

func everything() logs.Scope { return logs.Scope{All: true} }

func only(services ...string) logs.Scope { return logs.Scope{Services: services} }

func set(t *testing.T, s *Store, l lease.Lease, ttl time.Duration) (lease.Lease, []lease.Target) {
	t.Helper()
	l, targets, err := s.SetLease(t.Context(), l, ttl, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l, targets
}

// results of a lease in words.
func results(t *testing.T, s *Store, scope logs.Scope, id string) string {
	t.Helper()
	found, err := s.Results(t.Context(), scope, id)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for what, all := range map[string][]lease.Outcome{"set": found.Set, "end": found.End} {
		for _, o := range all {
			if (o.State == lease.Silent) != (o.TookMS == 0) {
				t.Errorf("%s %s took %v ms", o.Instance, o.State, o.TookMS)
			}
			parts = append(parts, strings.TrimSpace(fmt.Sprintln(what, o.Instance, o.State, o.Via, o.Error)))
		}
	}
	for _, spent := range found.Spent {
		parts = append(parts, "spent "+spent.Instance)
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}

func audited(t *testing.T, s *Store, f lease.AuditFilter) (rows []lease.Change) {
	t.Helper()
	if f.Limit == 0 {
		f.Limit = 1000
	}
	rows, err := s.Audit(t.Context(), everything(), f)
	if err != nil {
		t.Fatal(err)
	}
	if _, broken, err := s.VerifyAudit(t.Context()); err != nil || broken != 0 {
		t.Errorf("the audit's chain is broken at %d (%v)", broken, err)
	}
	return rows
}

func actions(rows []lease.Change) string {
	var all []string
	for _, c := range slices.Backward(rows) {
		all = append(all, c.Action)
	}
	return strings.Join(all, " ")
}

func part(t *testing.T, c lease.Change, name string) (h holding) {
	t.Helper()
	var detail map[string]json.RawMessage
	if err := json.Unmarshal(c.Detail, &detail); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(detail[name], &h); err != nil {
		t.Fatalf("%s of %s: %v", name, c.Detail, err)
	}
	return h
}

func applied(ids ...string) func(*fleet.Report) {
	return func(r *fleet.Report) {
		for _, id := range ids {
			r.Applied = append(r.Applied, fleet.Applied{ID: id})
		}
	}
}

func at(revision int64) func(*fleet.Report) {
	return func(r *fleet.Report) { r.Instance.Revision = revision }
}
