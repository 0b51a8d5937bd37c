package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// TestSplit: each instance a process. One that is killed starts again on its own addresses, timed events go on and
// fire once, and Ctrl-C takes all of them.
func TestSplit(t *testing.T) {
	t.Parallel()
	state := newState(t)
	m := start(t, state, nil, "--split", "--replicas", "scheduler=2,view-service=2")
	instances := map[string]row{}
	wait.For(t, limit, "all instances", func() bool {
		for _, r := range m.ps(t) {
			instances[r.Instance] = r
		}
		return len(instances) == len(m.Instances)
	})
	pids := map[int]bool{}
	for _, r := range instances {
		pids[r.PID] = true
	}
	if _, ok := instances["scheduler-2"]; len(pids) != len(house.Names())+2 || !ok || pids[m.pid()] {
		t.Errorf("instances %v", slices.Sorted(maps.Keys(instances)))
	}
	m.newType(t, "thing")
	m.killed(t, instances["scheduler-1"], instances["view-service-1"], instances["catalogs-1"])
	m.must(t, http.StatusCreated, http.MethodPost, recordsPath("thing"), `{"data":{"n":1}}`)
	m.firedOnce(t)
	t.Run("P-3, B-1, servers killed", m.serversKilled)
	t.Run("P-9, releases side by side", func(t *testing.T) {
		m.releases(t, m.instance(t, "catalogs-1"))
	})
	down(t, m, os.Interrupt)
}

// killed kills children of the mesh, sees them start again, and waits until they are well.
func (m *mesh) killed(t *testing.T, rows ...row) {
	t.Helper()
	own := family(m.pid())
	for i, r := range rows {
		r = m.instance(t, r.Instance)
		rows[i] = r
		if !slices.ContainsFunc(own, func(p proc) bool { return p.pid == r.PID }) {
			t.Fatalf("%s, process %d, is no descendant of the mesh", r.Instance, r.PID) // H-1
		}
	}
	began := time.Now()
	for _, r := range rows {
		if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range rows {
		wait.For(t, 2*limit, r.Instance+" to be back", func() bool { return r.well(t) })
		t.Logf("METRIC e2e_split_%s_back_after_kill_seconds=%.2f limit=10", r.Service, time.Since(began).Seconds())
	}
	for _, r := range rows {
		wait.For(t, limit, r.Instance+" in ps with another process", func() bool {
			return slices.ContainsFunc(m.ps(t), func(now row) bool { return now.Instance == r.Instance && now.PID != r.PID && now.Health == "up" })
		})
	}
}

func (m *mesh) instance(t testing.TB, name string) row {
	t.Helper()
	all := m.ps(t)
	i := slices.IndexFunc(all, func(r row) bool { return r.Instance == name })
	if i < 0 {
		t.Fatalf("no %s among %v", name, all)
	}
	return all[i]
}

// well asks the instance itself.
func (r row) well(t testing.TB) bool {
	var report struct{ Status, Instance string }
	a := request(t.Context(), http.MethodGet, "http://"+r.Address+"/hc", "", nil)
	return a.status == http.StatusOK && json.Unmarshal(a.body, &report) == nil && report.Instance == r.Instance && report.Status == "up"
}

// firedOnce runs a schedule by hand and by its time while the leader is killed: each has one row, done, and one effect.
func (m *mesh) firedOnce(t *testing.T) {
	t.Helper()
	wait.For(t, limit, "the schedule to be declared", func() bool { // by catalogs, which may have found the scheduler killed
		return m.call(t, http.MethodGet, "/api/scheduler/v1/schedules/catalogs.event-purge", nil).status == http.StatusOK
	})
	m.tool(t, "schedule", "run", "catalogs.event-purge")
	m.sql(t, `UPDATE scheduler.schedules SET next_due = now() + interval '1 s', look_at = now() + interval '1 s' WHERE name = 'catalogs.event-purge'`)
	for _, r := range m.ps(t) {
		if r.Service == "scheduler" && r.Instance == "scheduler-2" {
			m.killed(t, r)
		}
	}
	var fires api.Fires
	wait.For(t, 2*limit, "both fires", func() bool {
		fires = m.fires(t, "catalogs.event-purge")
		return len(fires.Items) >= 2 && !slices.ContainsFunc(fires.Items, func(f api.Fire) bool { return f.State != api.Done })
	})
	if auto := planned(fires); len(fires.Items) != 2 || len(auto) != 1 {
		t.Errorf("fires: %+v", fires.Items)
	}
	twice := m.sql(t, `SELECT count(*) FROM (SELECT event_id FROM catalogs.inbox WHERE queue = 'catalogs.timed' GROUP BY event_id HAVING count(*) > 1) x`)
	if taken := m.sql(t, `SELECT count(*) FROM catalogs.inbox WHERE queue = 'catalogs.timed'`); twice != "0" || taken != "2" {
		t.Errorf("effects: %s, twice: %s", taken, twice)
	}
}
