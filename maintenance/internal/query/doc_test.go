package query

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

const document = "../../../docs/query.md"

// examples are the lines of the fenced blocks of a kind: what is asked, and what is said about it.
func examples(t *testing.T, kind string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	all, within := map[string]string{}, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			within = line == "```"+kind
			continue
		}
		if within {
			asked, said, _ := strings.Cut(line, "  -- ")
			all[strings.TrimSpace(asked)] = said
		}
	}
	return all
}

// Every example of the document is read, understood the same way when it is written down, and can be asked.
func TestTheDocumentIsRead(t *testing.T) {
	t.Parallel()
	all := examples(t, "query")
	if len(all) < 50 {
		t.Errorf("%d examples found", len(all))
	}
	for text := range all {
		e, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		readAgain(t, e)
		Match(e, sample())
	}
}

func TestTheDocumentIsRefused(t *testing.T) {
	t.Parallel()
	all := examples(t, "refused")
	if len(all) < 15 {
		t.Errorf("%d examples found", len(all))
	}
	for text, said := range all {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Detail, said) {
			t.Errorf("%s: %v, want %s", text, err, said)
		}
	}
}

// The document's tables are the code's.
func TestTheDocumentNamesFieldsAndBounds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	table := strings.Split(strings.Split(string(text), "| field |")[1], "| any other name |")[0]
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
			if _, ok := columnOf(name[1]); !ok {
				t.Errorf("%s is no column", name[1])
			}
		}
	}
	for _, name := range []string{"service", "instance", "version", "env", "environment", "cluster", "namespace", "node", "epoch", "class", "logger", "msg", "level", "trace", "trace_id", "span", "span_id", "seq", "ts"} {
		if _, ok := columnOf(name); !ok || !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s is no column, or not in the table", name)
		}
	}
	for _, row := range []string{
		fmt.Sprintf("| %d bytes |", MaxLength), fmt.Sprintf("| %d |", MaxTerms), fmt.Sprintf("| %d |", MaxDepth), fmt.Sprintf("| %d bytes |", MaxField), fmt.Sprintf("| %d bytes |", MaxPattern),
		fmt.Sprintf("| %d steps |", MaxProgram), fmt.Sprintf("| %d |", maxWide),
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("the bound %q is not in the document", row)
		}
	}
}

func TestHelpIsRead(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(Help), "\n")
	for _, line := range lines {
		asked, said, ok := strings.Cut(line, " -- ")
		if _, err := Parse(asked); err != nil || !ok || said == "" {
			t.Errorf("%s: %v", line, err)
		}
	}
	if len(lines) < 10 {
		t.Errorf("%d lines", len(lines))
	}
}
