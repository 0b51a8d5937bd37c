package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUpAndDown: two meshes live side by side; a second one on the same folder is refused; Ctrl-C ends one in order
// and leaves the other alone; the next `up` finds its data.
func TestUpAndDown(t *testing.T) {
	t.Parallel()
	state := newState(t)
	one, two := start(t, state, nil, "--bus", "inproc"), start(t, newState(t), nil, "--bus", "inproc")
	one.newType(t, "kept")
	one.must(t, http.StatusCreated, http.MethodPost, recordsPath("kept"), `{"data":{"n":1,"name":"found again"}}`)
	two.must(t, http.StatusNotFound, http.MethodGet, typesPath+"/kept", nil)
	if a := request(t.Context(), http.MethodGet, two.API+typesPath, one.token, nil); a.status != http.StatusUnauthorized {
		t.Errorf("one mesh's token at another: %d", a.status)
	}
	secondUp(t, state)
	for _, name := range []string{"mesh.json", "token", "secrets.json"} {
		if info, err := os.Stat(filepath.Join(state, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}

	down(t, one, os.Interrupt)
	two.must(t, http.StatusOK, http.MethodGet, typesPath, nil)

	again := start(t, state, nil, "--bus", "inproc")
	pages, ids := again.list(t, "kept", "limit=10")
	if pages != 1 || len(ids) != 1 {
		t.Errorf("found again: %v", ids)
	}
	again.awaitLines(t, `service:catalogs "service is stopping"`)
	again.awaitLines(t, `service:view-service "service is stopping"`)
	down(t, again, syscall.SIGTERM)
}

// down ends a mesh by a signal and looks at what that leaves.
func down(t *testing.T, m *mesh, by os.Signal) {
	t.Helper()
	were := family(m.pid())
	if len(were) == 0 {
		t.Error("it had started nothing")
	}
	began := time.Now()
	m.signal(by)
	if code := m.code(t, time.Minute); code != 0 {
		t.Errorf("after %v it ended with %d: %s%s", by, code, m.stdout, m.stderr)
	}
	t.Logf("METRIC e2e_stop_seconds=%.2f limit=15", time.Since(began).Seconds())
	if left := strays(were, m.state); len(left) > 0 {
		t.Errorf("left after the end: %v", left)
	}
	if !m.said("stopped") || m.stderr.String() != "" {
		t.Errorf("it said %q and %q", m.stdout, m.stderr)
	}
	if _, err := os.Stat(filepath.Join(m.state, "mesh.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mesh.json: %v", err)
	}
}

// secondUp on a folder that is in use says so in one sentence, and does nothing.
func secondUp(t *testing.T, state string) {
	t.Helper()
	listen, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, nil, "up", "--state", state, "--listen", listen, "--bus", "inproc")
	if code == 0 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "another signalbox runs on "+state) || !strings.Contains(stderr, "--state") {
		t.Errorf("%d %q %q", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(state, "mesh.json")); err != nil {
		t.Errorf("the running mesh's addresses: %v", err)
	}
}
