package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// stored is a line of `logs --json`.
type stored struct{ ID, Msg, Service string }

func storedLines(t *testing.T, text string) (all []stored) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r struct {
			stored
			Gap, End json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if r.Gap == nil && r.End == nil {
			all = append(all, r.stored)
		}
	}
	return all
}

// TestTheLogIsWorkedWith: an operator's way through the log of a mesh with --demo, by the real binary and the gateway.
func TestTheLogIsWorkedWith(t *testing.T) {
	t.Parallel()
	m := start(t, newState(t), nil, "--bus", "inproc", "--demo")
	m.awaitLines(t, "service:gateway demo-order")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"│", []string{"histogram", "--since", "10m"}},
		{"request", []string{"patterns", "service:gateway"}},
		{"gateway", []string{"values", "service"}},
		{"gateway", []string{"top", "--since", "10m"}},
		{"to be read", []string{"--explain", "demo-order"}},
		{"missing", []string{"gaps"}},
	} {
		args := append([]string{"logs"}, c.args...)
		if out := m.tool(t, args...); !strings.Contains(out, c.says) {
			t.Errorf("%v does not say %q:\n%s", args, c.says, out)
		}
		if out := m.tool(t, append(args, "--json")...); !json.Valid([]byte(out)) {
			t.Errorf("%v --json: %s", args, out)
		}
	}
	one := storedLines(t, m.tool(t, "logs", "--json", "-n", "3", "service:gateway", "-level:debug"))[1]
	if out := m.tool(t, "logs", "context", one.ID, "--of", "service"); strings.Count(out, "> ") != 1 {
		t.Errorf("context:\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "log.ndjson")
	m.tool(t, "logs", "export", "--since", "10m", "-o", file, "service:gateway")
	raw, err := os.ReadFile(file)
	if err != nil || len(storedLines(t, string(raw))) < 10 || !strings.Contains(string(raw), `"complete":true`) {
		t.Errorf("export: %v\n%s", err, raw)
	}
	code, _, stderr := command(t, nil, "logs", "--state", m.state, "level>=loud")
	if code != 2 || !strings.HasSuffix(stderr, "\n  level>=loud\n         ^\n") {
		t.Errorf("a mistake: %d\n%s", code, stderr)
	}
}

// TestAFollowedLogOutlivesTheMesh: `logs -f` finds the mesh again after a restart, and shows every record once.
func TestAFollowedLogOutlivesTheMesh(t *testing.T) {
	t.Parallel()
	state := newState(t)
	m := start(t, state, nil, "--bus", "inproc", "--demo")
	m.awaitLines(t, "service:gateway demo-order")
	follower, err := run(nil, "logs", "-f", "--json", "--state", state, "-n", "1", "service:gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(follower.finish)
	lines := func() []stored { return storedLines(t, whole(follower.stdout.String())) }
	wait.For(t, 30*time.Second, "lines that follow", func() bool { return len(lines()) > 3 })
	m.finish()
	m = start(t, state, nil, "--bus", "inproc", "--demo")
	before := len(lines())
	wait.For(t, 60*time.Second, "lines of the mesh's second life", func() bool { return len(lines()) > before+10 })
	follower.signal(os.Interrupt)
	if code := follower.code(t, 10*time.Second); code != 0 || !strings.Contains(follower.stderr.String(), "nothing was missed") {
		t.Errorf("code %d: %s", code, follower.stderr)
	}
	got := lines()
	want := storedLines(t, m.tool(t, "logs", "export", "--since", "10m", "service:gateway"))
	at := 0
	for at < len(want) && want[at].ID != got[0].ID {
		at++
	}
	seen := map[string]int{}
	for _, r := range got {
		seen[r.ID]++
	}
	for _, r := range want[at:min(at+len(got), len(want))] {
		if n := seen[r.ID]; n != 1 && r.ID <= got[len(got)-10].ID {
			t.Errorf("%s %q was shown %d times", r.ID, r.Msg, n)
		}
	}
}

// whole leaves out a last line that is not yet all there.
func whole(text string) string { return text[:strings.LastIndex(text, "\n")+1] }
