package httpapi_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const committed = "../../openapi.json"

// TestOpenAPI: the committed document is the one that the routes make, and it is valid.
// UPDATE_OPENAPI=1 writes it anew.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	api := web.New(web.Settings{Service: "catalogs", Version: "v1", Verifier: verifier{}})
	httpapi.Mount(api, nil, nil)
	compact, err := api.OpenAPI()
	check(t, err)
	var text bytes.Buffer
	check(t, json.Indent(&text, compact, "", "  "))
	text.WriteByte('\n')
	if os.Getenv("UPDATE_OPENAPI") != "" {
		check(t, os.WriteFile(committed, text.Bytes(), 0o644))
	}
	want, err := os.ReadFile(committed)
	check(t, err)
	if !bytes.Equal(want, text.Bytes()) {
		t.Error("openapi.json is not what the routes make; run this test with UPDATE_OPENAPI=1 and look at the difference")
	}
	doc, err := openapi3.NewLoader().LoadFromData(text.Bytes())
	check(t, err)
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the document is not valid: %v", err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || op.Extensions["x-signalbox-access"] == nil || len(*op.Security) == 0 {
				t.Errorf("%s %s has no summary, or is open", method, path)
			}
		}
	}
}
