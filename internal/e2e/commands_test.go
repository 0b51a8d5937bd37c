package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestCommands: an operator's tour through a mesh with --demo: what each command prints for people, and that --json is
// JSON. The demo's traffic is what he sees.
func TestCommands(t *testing.T) {
	t.Parallel()
	m := start(t, newState(t), nil, "--bus", "inproc", "--demo")
	wait.For(t, 30*time.Second, "the demo's orders", func() bool {
		a := request(t.Context(), http.MethodGet, m.API+recordsPath("demo-order"), m.token, nil)
		return a.status == http.StatusOK && strings.Contains(string(a.body), `"customer"`)
	})
	m.tool(t, "level", "set", "identity", "debug", "--ttl", "5m", "--reason", "drill")
	wait.For(t, 30*time.Second, "identity's declaration", func() bool { return strings.Contains(m.tool(t, "schedule", "list"), "identity.purge") })
	m.tool(t, "schedule", "pause", "identity.purge", "--note", "restore")
	m.awaitLines(t, "service:gateway demo-order")
	m.awaitLevel(t, "DEBUG")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"catalogs-1", []string{"ps"}},
		{"view-service-1 up", []string{"doctor"}},
		{"DEBUG", []string{"level", "get", "identity"}},
		{"drill", []string{"lease"}},
		{"identity.purge", []string{"schedule", "list"}},
		{"restore", []string{"schedule", "show", "identity.purge"}},
	} {
		if out := m.tool(t, c.args...); !strings.Contains(out, c.says) {
			t.Errorf("%v does not say %q:\n%s", c.args, c.says, out)
		}
		if out := m.tool(t, append(c.args, "--json")...); !json.Valid([]byte(out)) || !strings.Contains(out, strings.Fields(c.says)[0]) {
			t.Errorf("%v --json is no JSON, or does not say %q:\n%s", c.args, c.says, out)
		}
	}
	for line := range strings.Lines(m.tool(t, "logs", "--json", "service:gateway")) {
		if !json.Valid([]byte(line)) {
			t.Errorf("logs --json: %q", line)
		}
	}
	m.tool(t, "schedule", "resume", "identity.purge")
	m.dropLeases(t)
	m.changes(t)
	m.before(t)
	m.follows(t)
}

// dropLeases ends what holds, and sees that nothing does any more.
func (m *mesh) dropLeases(t *testing.T) {
	t.Helper()
	var held []struct{ ID string }
	if err := json.Unmarshal([]byte(m.tool(t, "lease", "list", "--json")), &held); err != nil || len(held) != 1 {
		t.Fatalf("%d leases, %v; want one", len(held), err)
	}
	if out := m.tool(t, "lease", "drop", held[0].ID); !strings.Contains(out, "1 of 1 instances") {
		t.Errorf("dropped: %s", out)
	}
	m.awaitLevel(t, "INFO")
}

// awaitLevel waits until identity reports that it has the level: a heartbeat may be on its way with the one before, but the
// one after the change does not wait for its turn.
func (m *mesh) awaitLevel(t *testing.T, level string) {
	t.Helper()
	began := time.Now()
	wait.For(t, 20*time.Second, "identity at "+level, func() bool {
		var rows []struct{ Effective string }
		err := json.Unmarshal([]byte(m.tool(t, "level", "get", "identity", "--json")), &rows)
		return err == nil && len(rows) == 1 && rows[0].Effective == level
	})
	t.Logf("METRIC e2e_level_shown_seconds=%.2f limit=2", time.Since(began).Seconds())
}

// follows looks at `logs -f` as people do: lines come as the demo goes on, and Ctrl-C is a good end.
func (m *mesh) follows(t *testing.T) {
	t.Helper()
	p, err := run(nil, "logs", "-f", "--state", m.state, "service:gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	wait.For(t, 20*time.Second, "lines that follow", func() bool { return strings.Count(p.stdout.String(), "demo-order") > 12 })
	p.signal(os.Interrupt)
	if code := p.code(t, 10*time.Second); code != 0 || p.stderr.String() != "" {
		t.Errorf("logs -f ended with %d: %s", code, p.stderr)
	}
}

// before: Ctrl-C ends the recording of an execution trace, and what was before it lies in a file.
func (m *mesh) before(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	p, err := run(nil, "profile", "trace", "catalogs", "--before", "--for", "1s", "-o", dir, "--state", m.state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	wait.For(t, 20*time.Second, "the recording", func() bool { return strings.Contains(p.stderr.String(), "Ctrl-C") })
	p.signal(os.Interrupt)
	if code := p.code(t, 30*time.Second); code != 0 {
		t.Errorf("profile trace --before ended with %d: %s", code, p.stderr)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "catalogs-1-trace-*.trace")); err != nil || len(files) != 1 {
		t.Errorf("traces: %v %v", files, err)
	}
}
