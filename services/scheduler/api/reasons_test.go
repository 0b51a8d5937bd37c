package api_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// The list is closed: every constant is in it, the page for people has a row for each and for nothing else, and the drawing names them.
func TestTheListOfReasonsIsOneEverywhere(t *testing.T) {
	t.Parallel()
	var declared, listed []string
	file, err := parser.ParseFile(token.NewFileSet(), "reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			declared = append(declared, text)
		}
		return true
	})
	for _, r := range slices.Concat(api.Reasons(), api.Waits()) {
		listed = append(listed, string(r))
	}
	if !slices.Equal(declared, listed) {
		t.Errorf("declared %q, listed %q", declared, listed)
	}
	if field, _ := reflect.TypeFor[api.Fire]().FieldByName("Reason"); field.Tag.Get("enum") != strings.Join(listed, ",") {
		t.Errorf("the API tells of %q, and there are %q", field.Tag.Get("enum"), listed)
	}
	page := read(t, "../../../docs/time.md")
	_, table, _ := strings.Cut(page, "## Why did it not run?")
	table, _, _ = strings.Cut(table, "\n## ")
	var shown []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(table, -1) {
		shown = append(shown, row[1])
	}
	for _, waits := range api.Waits() {
		if !strings.Contains(table, "`"+string(waits)+"`") {
			t.Errorf("docs/time.md does not say what %s means of a fire that waits", waits)
		}
	}
	drawing := read(t, "../../../docs/time.svg")
	for _, r := range api.Reasons() {
		if !slices.Contains(shown, string(r)) || !strings.Contains(drawing, string(r)) {
			t.Errorf("docs/time.md or docs/time.svg has no %s", r)
		}
		shown = slices.DeleteFunc(shown, func(s string) bool { return s == string(r) })
	}
	if len(shown) > 0 {
		t.Errorf("docs/time.md has %q, which are no reasons", shown)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
