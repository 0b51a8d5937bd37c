package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

func taking(memory uint64, check topology.Check) func(*fleet.Report) {
	return func(r *fleet.Report) {
		r.Instance.Usage = &fleet.Usage{Resident: memory, Heap: 5, Goroutines: 3, CPU: 1.5, Process: "h/1"}
		r.Checks = []topology.Check{check}
		r.Instance.Checks = fmt.Appendf(nil, `[{"name":%q,"status":%q,"since":%q}]`, check.Name, check.Status, check.Since.Format(time.RFC3339Nano))
	}
}

func past(t *testing.T, s *Store) (memory []uint64, changes []string) {
	t.Helper()
	d, err := s.Instance(t.Context(), everything(), "catalogs-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range d.Samples {
		memory = append(memory, one.Resident)
	}
	for _, c := range d.Changes {
		changes = append(changes, strings.TrimRight(fmt.Sprintf("%s %s>%s %s", c.Check, c.From, c.To, c.Error), " "))
	}
	return memory, changes
}

// An instance has a sample in each half minute, of its present run alone, and each change of a check once.
func TestAnInstanceHasAPast(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	since := time.Now().Add(-time.Minute)
	up, down := topology.Check{Name: "db", Status: "up", Since: since}, topology.Check{Name: "db", Status: "down", Error: "refused", Since: since.Add(time.Second)}
	hear(t, s, said("catalogs-1", "e2", taking(100, up)))
	if err := exec(t, s, `UPDATE instance_samples SET at = at - interval '30 seconds', slot = (slot + 119) % 120`); err != nil {
		t.Fatal(err)
	}
	hear(t, s, said("catalogs-1", "e2", taking(200, down)))
	if err := exec(t, s, `UPDATE instance_samples SET at = now(), slot = floor(extract(epoch FROM now()) / 30)::bigint % 120 WHERE resident_bytes = 200`); err != nil {
		t.Fatal(err) // so that no boundary of a half minute comes in between
	}
	hear(t, s, said("catalogs-1", "e2", taking(200, down)))
	hear(t, s, said("catalogs-1", "e1", taking(900, topology.Check{Name: "db", Status: "up", Since: since.Add(2 * time.Second)}))) // an older run
	memory, changes := past(t, s)
	if want := []string{" >up", "db >up", "db up>down refused"}; !sameSet(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
	if len(memory) < 2 || memory[0] != 100 || memory[1] != 200 || slices.Contains(memory, 900) {
		t.Errorf("memory %v", memory)
	}
	all, err := s.Instances(t.Context(), everything())
	if err != nil || len(all) != 1 || all[0].Usage == nil || *all[0].Usage != (fleet.Usage{Resident: 200, Heap: 5, Goroutines: 3, CPU: 1.5, Process: "h/1"}) {
		t.Errorf("%+v, %v", all, err)
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// The past is bounded: by a ring of samples, by a count of each check's changes, by time, and by the instance's own end.
func TestThePastIsBounded(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	began := time.Now().Add(-time.Hour)
	for i := range fleet.MaxChanges + 20 {
		hear(t, s, said("catalogs-1", "e1", taking(uint64(i), topology.Check{Name: "db", Status: []string{"up", "down"}[i%2], Since: began.Add(time.Duration(i) * time.Second)})))
		if err := exec(t, s, `UPDATE instance_samples SET at = at - interval '30 seconds'`); err != nil { // as if each came half a minute later
			t.Fatal(err)
		}
	}
	kept := func() [2]int {
		return [2]int{count(t, s, `SELECT count(*) FROM instance_samples`), count(t, s, `SELECT count(*) FROM check_changes WHERE name = 'db'`)}
	}
	if got := kept(); got[0] < 1 || got[0] > 120 || got[1] != fleet.MaxChanges {
		t.Errorf("samples and changes: %v", got)
	}
	forget := func() {
		t.Helper()
		if err := s.Forget(t.Context(), time.Now().Add(-30*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := exec(t, s, `UPDATE instance_samples SET at = at - interval '1 hour'; UPDATE check_changes SET at = at - interval '7 days' WHERE at < (SELECT max(at) FROM check_changes WHERE name = 'db')`); err != nil {
		t.Fatal(err)
	}
	if forget(); kept() != [2]int{0, 1} {
		t.Errorf("after its time: %v", kept())
	}
	if err := exec(t, s, `UPDATE instances SET heard_at = now() - interval '31 days'`); err != nil {
		t.Fatal(err)
	}
	if forget(); kept() != [2]int{0, 0} {
		t.Errorf("of a forgotten instance: %v", kept())
	}
}

// What an older release wrote of checks may be another thing; it costs the comparison, not the report.
func TestChecksOfAnOlderReleaseDoNotHoldUpAReport(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("catalogs-1", "e1"))
	if err := exec(t, s, `UPDATE instances SET checks = '[{"name": "db", "since": {"seconds": 7}}]'`); err != nil {
		t.Fatal(err)
	}
	hear(t, s, said("catalogs-1", "e1", taking(1, topology.Check{Name: "db", Status: "up", Since: time.Now()})))
	if _, changes := past(t, s); !slices.Contains(changes, "db >up") {
		t.Errorf("%q", changes)
	}
}

func TestOneInstanceIsFoundWithinTheScope(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hear(t, s, said("one", "e1"))
	hear(t, s, said("one", "e1", func(r *fleet.Report) { r.Instance.Service = "gateway" }))
	for _, c := range []struct {
		scope   logs.Scope
		name    string
		service string
		err     error
	}{
		{everything(), "one", "", fleet.ErrSeveral},
		{everything(), "two", "", fleet.ErrUnknown},
		{logs.Scope{Services: []string{"gateway"}}, "one", "gateway", nil},
		{logs.Scope{Services: []string{"scheduler"}}, "one", "", fleet.ErrUnknown},
		{logs.Scope{}, "one", "", fleet.ErrUnknown},
	} {
		if d, err := s.Instance(t.Context(), c.scope, c.name); !errors.Is(err, c.err) || d.Instance.Service != c.service {
			t.Errorf("%+v: %+v, %v", c, d, err)
		}
	}
}
