package viewservice_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

// causesAnswer is one, as far as tests look at it.
type causesAnswer struct {
	Partial string
	Causes  []struct {
		Node, Summary string
		Since         time.Time
		Affected      []string
		Evidence      []struct{ Service, Check, Error string }
	}
}

func (a causesAnswer) String() string {
	var all []string
	for _, c := range a.Causes {
		all = append(all, fmt.Sprintf("%s > %s", c.Node, strings.Join(c.Affected, " ")))
	}
	return strings.Join(all, "; ")
}

func causesOf(t *testing.T, v *viewservice.Service, token string) (a causesAnswer, took time.Duration) {
	t.Helper()
	start := time.Now()
	if status := call(t, v, token, http.MethodGet, "/api/maintenance/v1/causes", "", &a); status != http.StatusOK {
		t.Fatalf("causes: %d", status)
	}
	return a, time.Since(start)
}

// PostgreSQL is killed under a mesh that keeps syncing: view-service, which needs it itself, names it as the one cause, with
// all services behind it, and goes on doing so until it is back.
func TestPostgreSQLAwayIsOneCause(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	m := newMeshOn(t, pgtest.On(t, server, "view_service", "maintenance", "catalogs", "gateway"))
	v, _ := m.view(t, "view-service-1")
	for _, service := range []string{"catalogs", "gateway"} {
		m.Run(service, m.Small(service, service+"-1", service, func(c *sidecar.Config) { c.StateDir = m.Dir + "/state" }))
	}
	wait.For(t, limit, "both to be heard", func() bool {
		var mesh struct {
			Nodes []struct{ Name, Health string }
		}
		call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/topology", "", &mesh)
		up := map[string]bool{}
		for _, n := range mesh.Nodes {
			up[n.Name] = n.Health == "up"
		}
		return up["view-service"] && up["catalogs"] && up["gateway"] && up["postgresql"]
	})
	if a, _ := causesOf(t, v, "viewer"); a.String() != "" || a.Partial != "" {
		t.Fatalf("before: %q %s", a, a.Partial)
	}

	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	const want = "postgresql > catalogs gateway view-service"
	var slowest time.Duration
	said := func() (a causesAnswer) {
		a, took := causesOf(t, v, "viewer")
		slowest = max(slowest, took)
		return a
	}
	wait.For(t, limit, "the one cause", func() bool {
		a := said()
		return a.String() == want && a.Partial != ""
	})
	c := said().Causes[0]
	if c.Since.Before(killed.Add(-2*time.Second)) || c.Since.After(time.Now()) || !strings.Contains(c.Summary, "postgresql is down") || len(c.Evidence) < 3 {
		t.Errorf("killed at %v: %+v", killed, c)
	}
	for _, e := range c.Evidence {
		if !strings.HasPrefix(e.Check, "postgres") || e.Error == "" {
			t.Errorf("it is no evidence: %+v", e)
		}
	}
	since := time.Now() // breakers open, silences grow: it is one cause still
	wait.For(t, 2*limit, "heartbeats to be missed", func() bool {
		if got := said().String(); got != want {
			t.Fatalf("after %s of one cause: %q", time.Since(since), got)
		}
		return time.Since(since) > 20*time.Second
	})
	if a, _ := causesOf(t, v, "viewer:catalogs"); a.String() != "postgresql > catalogs" {
		t.Errorf("who may see catalogs alone is told %q", a)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.For(t, limit, "all to be well", func() bool {
		a := said()
		return a.String() == "" && a.Partial == ""
	})
	t.Logf("METRIC causes_slowest_answer_seconds=%.3f limit=2", slowest.Seconds())
}

// A view-service that starts without PostgreSQL hears the others, and says what they lack; all else is not ready.
func TestCausesBeforeThereIsADatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	m := newMeshOn(t, pgtest.On(t, server, "view_service", "maintenance", "catalogs"))
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	v, err := viewservice.New(t.Context(), m.viewConfig("view-service-1"), m.Settings("view-service"))
	if err != nil {
		t.Fatal(err)
	}
	m.Run("view-service", v)
	m.Run("catalogs", m.Small("catalogs", "catalogs-1", "catalogs", func(c *sidecar.Config) { c.StateDir = m.Dir + "/state" }))
	wait.For(t, limit, "the one cause", func() bool {
		a, _ := causesOf(t, v, "viewer")
		return a.String() == "postgresql > catalogs view-service" && a.Partial != ""
	})
	if status := call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/instances", "", nil); status != http.StatusServiceUnavailable {
		t.Errorf("instances: %d", status)
	}
	if status := call(t, v, "nobody", http.MethodGet, "/api/maintenance/v1/causes", "", nil); status != http.StatusForbidden {
		t.Errorf("causes, for nobody: %d", status)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 2*limit, "all to be well", func() bool {
		a, _ := causesOf(t, v, "viewer")
		return a.String() == "" && a.Partial == ""
	})
}
