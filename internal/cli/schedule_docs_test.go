package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every command about schedules that the documents and the helps show is one: it may find no mesh here, but it is not misused.
func TestTheDocumentsScheduleCommandsAreRead(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for _, doc := range []string{"docs/time.md", "docs/time-consumers.md", "docs/leases.md", "docs/runbooks/time.md", "alerts/time.yaml", "README.md", "services/scheduler/README.md"} {
		text, err := os.ReadFile(filepath.Join("../..", doc))
		if err != nil {
			t.Fatal(err)
		}
		texts[doc] = string(text)
	}
	for _, name := range strings.Fields("list show fires overdue explain save revert delete run pause resume backfill cancel") {
		_, text, _ := call(t, nil, "", "schedule", name, "--help")
		texts["schedule "+name+" --help"] = text
	}
	shown := 0
	for doc, text := range texts {
		for _, line := range regexp.MustCompile("(?m)^ *(?:\\$ )?signalbox schedule .*$|`signalbox schedule [^`]*`").FindAllString(text, -1) {
			line = strings.NewReplacer("…", "2026-11-14", "REASON", "deadline").Replace(strings.Trim(line, "` $"))
			for _, end := range []string{"   ", " | ", "; ", " || ", " > "} {
				line, _, _ = strings.Cut(line, end)
			}
			args := regexp.MustCompile(`"[^"]*"|'[^']*'|[^ ]+`).FindAllString(line, -1)[1:]
			for i, a := range args {
				args[i] = strings.Trim(a, `"'`)
			}
			if slices.Contains(args, "--from-file") {
				continue
			}
			if len(args) == 2 { // it is only named
				args = append(args, "--help")
			}
			if !slices.Contains(args, "explain") {
				args = append(args, "--url", "http://127.0.0.1:1", "--token", "t")
			}
			if code, _, said := call(t, nil, "", args...); code == exitMisused {
				t.Errorf("%s: %s: %s", doc, line, said)
			}
			shown++
		}
	}
	if shown < 40 {
		t.Errorf("%d commands; the documents have more", shown)
	}
	t.Logf("%d commands", shown)
}
