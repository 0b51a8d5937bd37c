// Package plans proves from end to end, in one process, that a timed event which does not come is seen.
package plans

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 60 * time.Second // generous: two cores are shared by everything

type mesh struct {
	*meshtest.Mesh
	t    *testing.T
	view *viewservice.Service
}

// scheduler runs a replica until stop.
func (m *mesh) scheduler(instance string) (stop func()) {
	m.t.Helper()
	s, err := scheduler.New(m.t.Context(), scheduler.Config{Config: m.Config("scheduler", instance, "scheduler"), Retention: time.Hour}, m.Settings("scheduler"))
	if err != nil {
		m.t.Fatal(err)
	}
	return m.Run("scheduler", s)
}

// overdue schedules, as view-service says.
func (m *mesh) overdue(token string) (names []string) {
	m.t.Helper()
	a := m.Call(m.view.PublicAddr(), token, "GET", "/api/maintenance/v1/overdue", "")
	var body struct {
		Items []struct {
			Schedule string
			Count    int
		}
	}
	if a.Status != 200 {
		return []string{string(a.Body)}
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		m.t.Fatal(err)
	}
	for _, i := range body.Items {
		names = append(names, i.Schedule)
	}
	slices.Sort(names)
	return names
}

// TestC12_ADeadSchedulerIsSeen: while all is well nothing is overdue. When no scheduler runs any more, what should have come is,
// though nobody says anything; when one runs again, it is over. A handler that does not end is seen alone.
func TestC12_ADeadSchedulerIsSeen(t *testing.T) {
	t.Parallel()
	m := &mesh{Mesh: meshtest.New(t, []string{"view_service", "maintenance", "scheduler", "billing"}, "scheduler", "billing", "view-service"), t: t}
	stop := m.scheduler("scheduler-1")
	var hung atomic.Bool
	var done atomic.Int64
	billing := m.Small("billing", "billing-1", "billing")
	handle := func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
		if f.Schedule == "billing.slow" && hung.Load() {
			return errors.New("not today")
		}
		done.Add(1)
		return ctx.Err()
	}
	for _, name := range []string{"billing.quick", "billing.slow"} {
		if err := billing.Timed(timed.Schedule{Name: name, Every: 2 * time.Second, Deadline: time.Second, Misfire: timed.MisfireSkip,
			Attempts: 100, Backoff: time.Second}, handle); err != nil {
			t.Fatal(err)
		}
	}
	m.Run("billing", billing)
	wait.For(t, limit, "timed events", func() bool { return done.Load() > 2 })
	m.view = parts.View(t, m.Mesh, "view-service-1") // which has missed how the schedules came to be, and asks
	metric := func(line string) bool {
		return strings.Contains(string(m.Call(m.view.PublicAddr(), "viewer", "GET", "/metrics", "").Body), line+"\n")
	}
	wait.For(t, limit, "the plan at view-service", func() bool { return metric(`signalbox_schedule_overdue{service="billing"} 0`) })

	hung.Store(true)
	began := time.Now()
	wait.For(t, limit, "what fails to be overdue, and nothing else", func() bool { return slices.Equal(m.overdue("viewer"), []string{"billing.slow"}) })
	t.Logf("METRIC c12_failing_seen_seconds=%.1f limit=20", time.Since(began).Seconds())
	if other := m.overdue("viewer:catalogs"); len(other) != 0 {
		t.Errorf("shown to whom it is none of his business: %v", other)
	}
	hung.Store(false)
	wait.For(t, 2*limit, "it to be well again", func() bool { return len(m.overdue("viewer")) == 0 })

	stop()
	began = time.Now()
	wait.For(t, limit, "what no scheduler fires to be overdue", func() bool {
		return slices.Equal(m.overdue("viewer"), []string{"billing.quick", "billing.slow"})
	})
	t.Logf("METRIC c12_dead_scheduler_seen_seconds=%.1f limit=20", time.Since(began).Seconds())
	wait.For(t, limit, "the metric of the alert", func() bool { return metric(`signalbox_schedule_overdue{service="billing"} 2`) })
	m.scheduler("scheduler-2")
	wait.For(t, limit, "another scheduler to make it good", func() bool { return len(m.overdue("viewer")) == 0 })
}
