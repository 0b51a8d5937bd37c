package docgen

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

const root = "../.."

var update = flag.Bool("update", false, "write the documents anew")

// TestDocumentsAreCurrent: what is committed is what the code makes. `make generate` writes it.
func TestDocumentsAreCurrent(t *testing.T) {
	all, err := Documents(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		file := filepath.Join(root, path)
		if *update {
			if err := os.WriteFile(file, all[path], 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(committed, all[path]) {
			t.Errorf("%s is not current (%v); run make generate and look at the difference:\n%s", path, err, cmp.Diff(lines(committed), lines(all[path])))
		}
		if strings.HasSuffix(path, ".json") {
			t.Run(path, func(t *testing.T) { valid(t, all[path]) })
		}
	}
}

func lines(text []byte) []string { return strings.Split(string(text), "\n") }

// valid is an OpenAPI document in which every operation has a summary, a name and a rule.
func valid(t *testing.T, text []byte) {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	if doc.Paths.Len() == 0 {
		t.Error("the document has no path")
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			rule := op.Extensions["x-signalbox-access"]
			if op.Summary == "" || op.OperationID == "" || rule == nil {
				t.Errorf("%s %s lacks its summary, name or rule", method, path)
			}
			if op.Security != nil && (rule == "public") != (len(*op.Security) == 0) {
				t.Errorf("%s %s: rule %v, security %v", method, path, rule, *op.Security)
			}
		}
	}
}
