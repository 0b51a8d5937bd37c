package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// The window of edges is moved on by the store in SQL, and by a replica in memory: report by report they have the same one.
func TestTheStoreKeepsTheSameWindow(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	type step struct {
		wait  time.Duration // since the report before; no sum of them is a minute
		epoch string
	}
	steps := slices.Repeat([]step{{11 * time.Second, "e1"}}, 20)
	steps = append(steps, step{130 * time.Second, "e1"}, step{61 * time.Second, "e1"})
	steps = append(steps, slices.Repeat([]step{{25 * time.Second, "e1"}}, 9)...)
	steps = append(steps, slices.Repeat([]step{{25 * time.Second, "e2"}}, 9)...)
	now := time.Now()
	var last topology.Snapshot
	var window topology.Window
	epoch, moved := "", 0
	for n, one := range steps {
		now = now.Add(one.wait)
		ago := func(at time.Time) *float64 { // in the store's clock, so that what the test itself takes does not add up
			if seconds := now.Sub(at).Seconds(); !at.IsZero() {
				return &seconds
			}
			return nil
		}
		if _, err := s.db.Pool().Exec(t.Context(), `UPDATE instances SET heard_at = now() - make_interval(secs => $1), edges_before_at = now() - make_interval(secs => $2),
			edges_next_at = now() - make_interval(secs => $3)`, one.wait.Seconds(), ago(window.Before.At), ago(window.Next.At)); err != nil {
			t.Fatal(err)
		}
		edges := []topology.Edge{{Source: "catalogs", Destination: "postgresql", Protocol: "postgresql", Calls: []uint64{uint64(n)}}}
		hear(t, s, said("catalogs-1", one.epoch, func(r *fleet.Report) { r.Edges = edges }))
		before := window
		if window = window.Behind(last, now); one.epoch != epoch {
			window = topology.Window{}
		}
		epoch, last = one.epoch, topology.Snapshot{At: now, Edges: edges}
		if before.Before.At != window.Before.At {
			moved++
		}
		all, err := s.Mesh(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		got, want := all[0].Before, window.Before
		if !slices.EqualFunc(got.Edges, want.Edges, func(a, b topology.Edge) bool { return slices.Equal(a.Calls, b.Calls) }) {
			t.Fatalf("report %d: %v, want %v", n, got.Edges, want.Edges)
		}
		if over := all[0].Now.At.Sub(got.At); !want.At.IsZero() && (over-now.Sub(want.At)).Abs() > 30*time.Second {
			t.Fatalf("report %d: over %v, want %v", n, over, now.Sub(want.At))
		}
	}
	if moved < 8 {
		t.Errorf("the window moved %d times: that proves little", moved)
	}
}
