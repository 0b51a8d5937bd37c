// Package consumers proves from end to end that others than services take part in timed events: a program that knows
// AMQP and the documented form of messages alone, and commands that `signalbox cron` runs.
package consumers

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const (
	limit = 60 * time.Second // generous: two cores are shared by everything
	base  = "/api/scheduler/v1"
)

// mesh is a scheduler alone.
type mesh struct {
	*meshtest.Mesh
	t    *testing.T
	addr string // of its API
}

func newMesh(t *testing.T, edit ...func(*meshtest.Mesh, *sidecar.Config)) *mesh {
	t.Helper()
	m := &mesh{Mesh: meshtest.New(t, []string{"scheduler"}, "scheduler"), t: t}
	c := scheduler.Config{Config: m.Config("scheduler", "scheduler-1", "scheduler"), Retention: time.Hour}
	for _, e := range edit {
		e(m.Mesh, &c.Config)
	}
	s, err := scheduler.New(t.Context(), c, m.Settings("scheduler"))
	if err != nil {
		t.Fatal(err)
	}
	m.Run("scheduler", s)
	m.addr = s.PublicAddr()
	wait.For(t, limit, "the scheduler", func() bool { return m.call("GET", "/schedules", nil, nil) == http.StatusOK && s.Leading() > 0 })
	return m
}

// call asks the scheduler as an operator; out is what it answers.
func (m *mesh) call(method, path string, in, out any) int {
	m.t.Helper()
	body := ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			m.t.Fatal(err)
		}
		body = string(raw)
	}
	a := m.Call(m.addr, "anna=operator", method, base+path, body)
	if out != nil && a.Status < 300 {
		if err := json.Unmarshal(a.Body, out); err != nil {
			m.t.Fatalf("%s %s: %v: %s", method, path, err, a.Body)
		}
	}
	if a.Status >= 400 && a.Status != http.StatusServiceUnavailable && a.Status != http.StatusNotFound {
		m.t.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
	}
	return a.Status
}

// fire waits until a fire is as wanted.
func (m *mesh) fire(id, what string, ok func(api.Fire) bool) (f api.Fire) {
	m.t.Helper()
	wait.For(m.t, limit, what+" of "+id, func() bool {
		return m.call("GET", "/fires/"+url.PathEscape(id), nil, &f) == http.StatusOK && ok(f)
	})
	return f
}

// run fires a schedule by hand.
func (m *mesh) run(schedule string) (id string) {
	m.t.Helper()
	var run api.Run
	if code := m.call("POST", "/schedules/"+schedule+"/run", nil, &run); code != http.StatusAccepted {
		m.t.Fatalf("run %s: %d", schedule, code)
	}
	return run.FireID
}
