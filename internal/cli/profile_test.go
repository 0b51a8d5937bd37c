package cli

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAProfileIsFetched(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := &mesh{bodies: map[string]string{"POST " + leasesPath: done,
		"GET " + profilesPath:              `{"profiles":[{"id":"p1","service":"catalogs","instance":"catalogs-1","kind":"cpu","from":"2026-11-21T13:02:00Z","until":"2026-11-21T13:02:10Z","bytes":7}]}`,
		"GET " + profilesPath + "/p1/data": "profile"}}
	args := []string{"profile", "cpu", "catalogs", "--for", "10s", "-o", dir, "--url", m.start(t), "--token", "t"}
	code, out, errs := call(t, nil, "", args...)
	path := filepath.Join(dir, "catalogs-1-cpu-20261121T130200Z.pprof")
	raw, err := os.ReadFile(path)
	if code != 0 || err != nil || string(raw) != "profile" || !strings.Contains(out, path) {
		t.Errorf("code %d, %q %q: %q (%v)", code, out, errs, raw, err)
	}
	if got := m.told(t)["value"]; !reflect.DeepEqual(got, map[string]any{"profile": "cpu", "seconds": 10.0}) {
		t.Errorf("asked for %v", got)
	}
	if code, _, errs := call(t, nil, "", args...); code != exitFailed || !strings.Contains(errs, "exists") {
		t.Errorf("a file that stands there: code %d, %q", code, errs)
	}
}

// Ctrl-C ends the recording, and not the command: what was before it is fetched.
func TestWhatWasBeforeIsFetched(t *testing.T) {
	t.Parallel()
	const trace = `{"profiles":[{"id":"p1","lease_id":"the-lease","service":"catalogs","instance":"../catalogs-1","kind":"trace","from":"2026-11-21T13:02:00Z","until":"2026-11-21T13:02:05Z","bytes":5}]}`
	for state, dropped := range map[string]bool{"active": true, "dropped": false} {
		dir := t.TempDir()
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		m := &mesh{bodies: map[string]string{"POST " + leasesPath: done, "GET " + leasesPath + "/the-lease": `{"lease":{"id":"the-lease","state":"` + state + `"}}`,
			"DELETE " + leasesPath + "/the-lease": done, "GET " + profilesPath: trace, "GET " + profilesPath + "/p1/data": "trace"}}
		if dropped {
			m.asks = func(request string) {
				if strings.HasPrefix(request, "GET "+leasesPath) {
					interrupt()
				}
			}
		}
		var out, errs strings.Builder
		code := Main(ctx, Process{Args: []string{"profile", "trace", "catalogs", "--before", "--for", "5s", "--within", "1h", "-o", dir, "--url", m.start(t), "--token", "t"},
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs})
		raw, err := os.ReadFile(filepath.Join(dir, ".._catalogs-1-trace-20261121T130200Z.trace"))
		if code != 0 || err != nil || string(raw) != "trace" || !strings.Contains(errs.String(), "keeps the last 5s") {
			t.Errorf("%s: code %d, %q %q: %q (%v)", state, code, &out, &errs, raw, err)
		}
		got := m.told(t)
		if want := map[string]any{"profile": "trace", "seconds": 5.0, "before": true}; !reflect.DeepEqual(got["value"], want) || got["ttl"] != "1h0m0s" {
			t.Errorf("asked for %v", got)
		}
		if slices.Contains(m.asked, "DELETE "+leasesPath+"/the-lease ") != dropped {
			t.Errorf("%s: asked %q", state, m.asked)
		}
	}
	if code, _, errs := call(t, nil, "", "profile", "cpu", "catalogs", "--before", "--url", "http://127.0.0.1:1", "--token", "t"); code != exitMisused || !strings.Contains(errs, "profile trace catalogs --before") {
		t.Errorf("of a CPU profile: %d %q", code, errs)
	}
}
