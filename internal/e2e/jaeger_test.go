package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestUpWithJaeger: `up --jaeger` keeps all traces. Of a request, `signalbox trace` prints the tree with its lines, each log record has a
// link to a page that is there, and Ctrl-C takes Jaeger, too.
func TestUpWithJaeger(t *testing.T) {
	t.Parallel()
	m := start(t, newState(t), nil, "--jaeger", "--bus", "inproc")
	made := m.must(t, http.StatusCreated, http.MethodPost, typesPath, map[string]any{"name": "traced", "schema": map[string]any{}})
	id := made.header.Get("X-Trace-Id")
	var code int
	var stdout, stderr string
	defer func() {
		if t.Failed() {
			t.Logf("%d %s%s", code, stdout, stderr)
		}
	}()
	wait.For(t, limit, "the tree with its lines, from the gateway's span on, which may come after those it caused", func() bool {
		code, stdout, stderr = command(t, nil, "trace", id, "--state", m.state)
		if code != 0 {
			return false
		}
		for _, part := range []string{"POST " + typesPath, "INSERT types", "publish signalbox.events", "INFO  request method=POST"} {
			if !strings.Contains(stdout, part) {
				return false
			}
		}
		return strings.Index(stdout, "gateway") < strings.Index(stdout, "catalogs") && strings.Index(stdout, "POST "+typesPath) < strings.Index(stdout, "INSERT types")
	})
	var told struct {
		Spans   []struct{ Service string }
		Missing []any
	}
	if err := json.Unmarshal([]byte(m.tool(t, "trace", id, "--json")), &told); err != nil || len(told.Spans) < 4 || len(told.Missing) != 0 {
		t.Errorf("trace --json: %+v (%v)", told, err)
	}
	page := m.Jaeger + "/trace/" + id
	for _, text := range strings.Split(strings.TrimSpace(m.tool(t, "logs", "--json", "trace:"+id)), "\n") {
		var record struct{ Links map[string]string }
		if err := json.Unmarshal([]byte(text), &record); err != nil || record.Links["trace"] != page {
			t.Errorf("%s: no link to %s (%v)", text, page, err)
		}
	}
	if a := request(t.Context(), http.MethodGet, page, "", nil); a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("the page: %d %v", a.status, a.header)
	}
	down(t, m, os.Interrupt)
	if a := request(t.Context(), http.MethodGet, page, "", nil); a.status != 0 {
		t.Errorf("Jaeger is still there: %d", a.status)
	}
}
