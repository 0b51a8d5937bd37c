package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const committed = "../../openapi.json"

// TestOpenAPI: the committed document is the one that the routes make, and it is valid.
// `go test ./services/identity/internal/httpapi -run TestOpenAPI -update` writes it anew.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	api := web.New(web.Settings{Service: "identity", Version: "v1", Verifier: nobody{}})
	httpapi.Mount(api, httpapi.Settings{})
	compact, err := api.OpenAPI()
	check(t, err)
	var text bytes.Buffer
	check(t, json.Indent(&text, compact, "", "  "))
	text.WriteByte('\n')
	if update := flag.Lookup("update"); update != nil && update.Value.String() == "true" {
		check(t, os.WriteFile(committed, text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(committed)
	check(t, err)
	if !bytes.Equal(want, text.Bytes()) {
		t.Errorf("openapi.json is not what the routes make; run this test with -update and look at the difference")
	}
	doc, err := openapi3.NewLoader().LoadFromData(text.Bytes())
	check(t, err)
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Extensions["x-signalbox-access"] == nil {
				t.Errorf("%s %s has no summary or no access rule", method, path)
			}
			if (op.Extensions["x-signalbox-access"] == "public") != (len(*op.Security) == 0) {
				t.Errorf("%s %s: rule %v, security %v", method, path, op.Extensions["x-signalbox-access"], *op.Security)
			}
		}
	}
}
