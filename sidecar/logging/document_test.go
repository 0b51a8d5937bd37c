package logging

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
)

// TestDocument: the examples of docs/logging.md are what the code does, and its names and kinds are all there are.
func TestDocument(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/logging.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	_, examples, ok := strings.Cut(text, "| text | becomes |\n|---|---|\n")
	if !ok {
		t.Fatal("the table of examples is gone")
	}
	examples, _, _ = strings.Cut(examples, "\n\n")
	row := regexp.MustCompile("^\\| `(.*)` \\| `(.*)` \\|$")
	rows := strings.Split(examples, "\n")
	for _, r := range rows {
		cells := row.FindStringSubmatch(r)
		if cells == nil {
			t.Errorf("no example: %s", r)
			continue
		}
		if got := Redact(cells[1]); got != cells[2] {
			t.Errorf("%s\nbecomes %s, and the document says\n%s", cells[1], got, cells[2])
		}
	}
	if len(rows) < 20 {
		t.Errorf("%d examples", len(rows))
	}
	for _, name := range append(redact.Anywhere(), redact.AtEnd()...) {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("the name %s is not in the document", name)
		}
	}
	for k := range redact.Kinds {
		if !strings.Contains(text, k.String()) {
			t.Errorf("the kind %s is not in the document", k)
		}
	}
}
