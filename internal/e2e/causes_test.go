package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/redistest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// because is what `signalbox causes --json` says.
type because struct {
	Causes []struct {
		Node, Health, Summary string
		Since                 time.Time
		Affected              []string
		Evidence              []testimony
	}
}

// testimony is a check that fails.
type testimony struct {
	Service, Check, Error string
	Since                 time.Time
}

// causes as an operator asks for them; the command ends with 1 where there are some.
func (m *mesh) causes(t *testing.T) (b because) {
	t.Helper()
	code, stdout, stderr := command(t, nil, "causes", "--json", "--state", m.state)
	if err := json.Unmarshal([]byte(stdout), &b); err != nil {
		t.Fatalf("causes: %d %s %s", code, stdout, stderr)
	}
	if (code == 1) != (len(b.Causes) > 0) {
		t.Errorf("causes ended with %d: %s", code, stdout)
	}
	return b
}

// TestCauses: the PostgreSQL of a running mesh is killed. It is one cause, with every service behind it, since then, with what they
// say of it; the operator's commands and the alert's metric say the same; and when it is back all is well.
func TestCauses(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	m := start(t, newState(t), []string{"SIGNALBOX_POSTGRES_URL=" + server.URL(), "SIGNALBOX_REDIS_URL=" + redistest.Server(t).URL()}, "--bus", "inproc")
	all, holder := m.ps(t), m.instance(t, "view-service-1")
	wait.For(t, limit, "every instance to be up", func() bool { return !slices.ContainsFunc(all, func(r row) bool { return !r.well(t) }) })
	wait.For(t, limit, "no cause", func() bool { return len(m.causes(t).Causes) == 0 })
	wait.For(t, limit, "an edge to Redis, which counts requests", func() bool { return m.topology(t).edge("gateway", "redis", "redis").Rate > 0 })

	killed := time.Now()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	var b because
	named := func() bool {
		b = m.causes(t)
		return len(b.Causes) == 1 && b.Causes[0].Node == "postgresql" && !slices.ContainsFunc([]string{"catalogs", "gateway", "identity", "scheduler", "view-service"},
			func(s string) bool { return !slices.Contains(b.Causes[0].Affected, s) })
	}
	defer func() {
		if t.Failed() {
			t.Logf("%+v", b)
		}
	}()
	wait.For(t, limit, "one cause with all services behind it", named)
	if c := b.Causes[0]; c.Health != "down" || c.Since.Before(killed.Add(-time.Second)) || c.Since.After(killed.Add(20*time.Second)) || !strings.Contains(c.Summary, "postgresql is down") {
		t.Errorf("killed at %v: %+v", killed, c)
	}
	for _, r := range all {
		if r.Service == "gateway" || r.Service == "web-studio" { // they have no database, and nothing to say of one
			continue
		}
		if !slices.ContainsFunc(b.Causes[0].Evidence, func(e testimony) bool {
			return e.Service == r.Service && strings.HasPrefix(e.Check, "postgres") && e.Error != "" && !e.Since.Before(killed.Add(-time.Second))
		}) {
			t.Errorf("%s says nothing of it: %+v", r.Service, b.Causes[0].Evidence)
		}
	}
	wait.For(t, limit, "the alert's metric", func() bool {
		a := request(t.Context(), http.MethodGet, "http://"+holder.Address+"/metrics", "", nil)
		return strings.Contains(string(a.body), `signalbox_topology_cause_affected{node="postgresql"} `+strconv.Itoa(len(m.causes(t).Causes[0].Affected)))
	})
	for since := time.Now(); time.Since(since) < 15*time.Second; { // heartbeats are missed, breakers open: it is one cause still
		if !named() {
			t.Fatalf("after %s: %+v", time.Since(killed), b)
		}
	}
	if _, stdout, _ := command(t, nil, "doctor", "--state", m.state); strings.Count(stdout, "✗ cause") != 1 || !strings.Contains(stdout, b.Causes[0].Summary) {
		t.Errorf("doctor: %s", stdout)
	}

	d := m.topology(t)
	if e := d.edge("catalogs", "postgresql", "postgresql"); e.Errors == 0 {
		t.Errorf("the edge to a dead server: %+v", e)
	}

	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 2*limit, "all to be well", func() bool { return len(m.causes(t).Causes) == 0 })
}
