// Package studio proves the studio in a real browser, before a real `signalbox up`. The tests themselves are Playwright's,
// in services/web-studio/ui/e2e; here they get their mesh, their users and a hand on the program.
package studio

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/signalbox-mesh/signalbox/internal/cli" // what the binary is made of: a change of it must not find a cached result
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const (
	ui       = "../../../services/web-studio/ui"
	password = "correct horse battery staple"
	limit    = 9 * time.Minute // of the whole suite, which takes two to four beside other tests
)

// TestInTheBrowser runs the suite. STUDIO_TESTS are arguments of Playwright's, such as a file or -g and a title; STUDIO_UP are
// more of `signalbox up`; STUDIO_BESIDE is a file of what is no test (make studio-pictures, make studio-scroll).
func TestInTheBrowser(t *testing.T) {
	needs(t)
	m := newMesh(t, append([]string{"--bus", "inproc"}, strings.Fields(os.Getenv("STUDIO_UP"))...)...)
	for name, role := range map[string]string{"viewer": "viewer", "operator": "operator", "administrator": "admin"} {
		m.user(name, map[string]any{"role": role})
	}
	m.user("catalogs-operator", map[string]any{"role": "viewer"}, map[string]any{"role": "operator", "services": []string{"catalogs"}})
	took := m.suite(os.Getenv("STUDIO_TESTS"))
	t.Logf("METRIC studio_suite_seconds=%.1f limit=90", took.Seconds())
}

// suite runs Playwright with the arguments, and fails the test when it does. env comes to its environment.
func (m *mesh) suite(args string, env ...string) (took time.Duration) {
	m.t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	suite := exec.CommandContext(ctx, "node_modules/.bin/playwright", append([]string{"test"}, strings.Fields(args)...)...)
	suite.Dir = ui
	suite.Env = append(os.Environ(), "STUDIO_CHROMIUM="+chromium(), "STUDIO_URL="+m.API, "STUDIO_PASSWORD="+password, "STUDIO_STATE="+m.state, "STUDIO_PROGRAM="+m.binary, "STUDIO_CONTROL="+m.control())
	suite.Env = append(suite.Env, env...)
	suite.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	suite.Cancel = func() error { return syscall.Kill(-suite.Process.Pid, syscall.SIGKILL) } // with its browsers
	suite.WaitDelay = 5 * time.Second
	said, err := suite.CombinedOutput()
	m.t.Logf("%s", said)
	if err != nil {
		m.t.Errorf("the suite failed: %v; what the pages looked like is in %s/artefacts", err, filepath.Clean(ui))
	}
	return time.Since(began)
}

// needs says what is missing before anything is started.
func needs(t *testing.T) {
	t.Helper()
	for file, how := range map[string]string{
		ui + "/dist/index.html":              "make ui",
		ui + "/node_modules/.bin/playwright": "make ui",
		chromium():                           "scripts/deps.sh test",
	} {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%v; run %s", err, how)
		}
	}
}

// chromium is the system's, where scripts/deps.sh finds it or puts it.
func chromium() string {
	if path := os.Getenv("STUDIO_CHROMIUM"); path != "" {
		return path
	}
	if path, err := exec.LookPath("chromium"); err == nil {
		return path
	}
	return "/Applications/Chromium.app/Contents/MacOS/Chromium"
}

// user makes one whose name is given, with the password of all.
func (m *mesh) user(name string, grants ...map[string]any) {
	m.t.Helper()
	m.post("/api/identity/v1/users", map[string]any{"name": name, "password": password, "grants": grants})
}

func (m *mesh) post(path string, in any) {
	m.t.Helper()
	body, err := json.Marshal(in)
	check(m.t, err)
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.API+path, bytes.NewReader(body))
	check(m.t, err)
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	check(m.t, err)
	defer resp.Body.Close()
	if said, _ := io.ReadAll(resp.Body); resp.StatusCode >= 300 {
		m.t.Fatal(fmt.Errorf("POST %s: %s: %s", path, resp.Status, said))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
