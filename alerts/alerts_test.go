package alerts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRules: promtool takes the rules, and each fires on its cause and on nothing else.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"check", "test"} {
		pattern := map[string]string{"check": "*.yaml", "test": "*_test.yaml"}[kind]
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no file like %s: %v", pattern, err)
		}
		for _, file := range files {
			if kind == "check" && strings.HasSuffix(file, "_test.yaml") {
				continue
			}
			if out, err := exec.CommandContext(t.Context(), "promtool", kind, "rules", file).CombinedOutput(); err != nil {
				t.Errorf("promtool %s rules %s: %v\n%s", kind, file, err, out)
			}
		}
	}
}

// TestAlertsKnowWhatTheyAskFor: every metric of an alert is one that a service has, and every alert has its tests and
// its place in a runbook.
func TestAlertsKnowWhatTheyAskFor(t *testing.T) {
	t.Parallel()
	documented := read(t, "../docs/telemetry.md")
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue
		}
		rules, tests := read(t, file), read(t, strings.TrimSuffix(file, ".yaml")+"_test.yaml")
		for _, name := range regexp.MustCompile(`\bsignalbox_[a-z_]+`).FindAllString(rules, -1) {
			if !strings.Contains(documented, "`"+name+"`") {
				t.Errorf("%s asks for %s, which docs/telemetry.md does not know", file, name)
			}
		}
		for _, m := range regexp.MustCompile(`alert: (\w+)\n(?s:.*?)runbook_url: \S+/(docs/\S+)#(\S+)`).FindAllStringSubmatch(rules, -1) {
			alert, runbook, place := m[1], m[2], m[3]
			if !strings.Contains(tests, alert) {
				t.Errorf("%s has no test", alert)
			}
			if !strings.Contains(read(t, "../"+runbook), "## "+alert+"\n") || place != strings.ToLower(alert) {
				t.Errorf("%s has no heading in %s", alert, runbook)
			}
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
