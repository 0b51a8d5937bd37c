package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// TestDebug: of two requests that differ in one header, the one that the lease is for has its DEBUG lines in the log store,
// from the gateway and from the service behind it; a token that somebody brings along from outside does nothing.
func TestDebug(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t).mesh
	canary := unique("canary")
	var receipt struct {
		Lease struct{ ID string }
	}
	out := m.tool(t, "debug", "--header", "X-Canary="+canary, "--for", "5m", "--reason", "a test", "--json")
	if err := json.Unmarshal([]byte(out), &receipt); err != nil || receipt.Lease.ID == "" {
		t.Fatalf("debug: %v\n%s", err, out)
	}
	t.Cleanup(func() { m.tool(t, "lease", "drop", receipt.Lease.ID) })
	ask := func(header ...string) (trace string) {
		a := request(t.Context(), http.MethodGet, m.API+typesPath, m.token, nil, header...)
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		return a.header.Get("X-Trace-Id")
	}
	mine := ask("X-Canary", canary)
	others := []string{ask(), ask("X-Canary", canary+"x"), ask(debug.Header, "eyJhbGciOiJFZERTQSJ9.e30.AAAA")}
	wait.For(t, limit, "the lines of the request that is debugged", func() bool {
		seen := map[string]bool{}
		for _, l := range m.lines(t, "trace:"+mine+" level=debug") {
			if !strings.Contains(string(l.Attrs), receipt.Lease.ID) {
				t.Fatalf("%s %s has no lease: %s", l.Service, l.Msg, l.Attrs)
			}
			seen[l.Service] = true
		}
		return seen["gateway"] && seen["catalogs"]
	})
	for _, trace := range others {
		m.awaitLines(t, "trace:"+trace+" service:gateway") // its access line has come, after all that it would have logged
		if lines := m.lines(t, "trace:"+trace+" level=debug"); len(lines) > 0 {
			t.Errorf("another request logs: %+v", lines[0])
		}
	}
}
