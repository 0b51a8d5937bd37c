package saboteurs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

const (
	runs  = 3               // within which a test has to notice
	limit = 5 * time.Minute // of one run
)

// TestH5_SaboteursAreCaught breaks one promise after the other and asks its test. In `make test` each saboteur only has to
// find the code that it breaks; the soak sends them.
func TestH5_SaboteursAreCaught(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	all := saboteurs()
	caught := 0
	for _, s := range all {
		t.Run(s.breaks, func(t *testing.T) {
			overlay := s.overlay(t, root)
			if seed.Runs(0, 1) == 0 {
				return
			}
			if s.caught(t, root, overlay) {
				caught++
			}
		})
	}
	if seed.Runs(0, 1) > 0 {
		t.Logf("METRIC h5_saboteurs_caught=%d limit=%d", caught, len(all))
	}
}

// overlay makes the broken file, and tells the compiler to read it instead.
func (s saboteur) overlay(t *testing.T, root string) (file string) {
	t.Helper()
	path := filepath.Join(root, s.file)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(whole), s.code); n != 1 {
		t.Fatalf("%s has the code that this saboteur breaks %d times, not once: it changed, so bring the saboteur up to date\n%s", s.file, n, s.code)
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, filepath.Base(s.file))
	if err := os.WriteFile(broken, []byte(strings.Replace(string(whole), s.code, s.bad, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	instead, err := json.Marshal(map[string]map[string]string{"Replace": {path: broken}})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, instead, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// caught reports whether the promise's test goes red. One that does not even compile proves nothing.
func (s saboteur) caught(t *testing.T, root, overlay string) bool {
	t.Helper()
	if out, err := s.run(t, root, overlay, "^$"); err != nil {
		t.Fatalf("the broken code does not compile: %v\n%s", err, out)
	}
	for range runs {
		out, err := s.run(t, root, overlay, s.test)
		if err == nil {
			if strings.Contains(out, "no tests to run") {
				t.Fatalf("%s has no test %s", s.pkg, s.test)
			}
			continue
		}
		if !strings.Contains(out, "--- FAIL") && !strings.Contains(out, "panic:") {
			t.Fatalf("it failed for another reason: %v\n%s", err, out)
		}
		return true
	}
	t.Errorf("%s of %s stayed green in %d runs", s.test, s.pkg, runs)
	return false
}

func (s saboteur) run(t *testing.T, root, overlay, test string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-overlay", overlay, "-run", test, s.pkg)
	cmd.Dir = root
	cmd.Env = withoutSoak(os.Environ())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// withoutSoak: the test is to notice in its ordinary length.
func withoutSoak(env []string) (kept []string) {
	for _, e := range env {
		if !strings.HasPrefix(e, "SIGNALBOX_SOAK=") {
			kept = append(kept, e)
		}
	}
	return kept
}
