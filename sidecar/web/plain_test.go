package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

func TestAPlainHandlerStandsInTheDocument(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.HandleOperation(web.Operation{OperationID: "follow", Method: "get", Path: "/stream", Summary: "Follow it"}, access.SignedIn(),
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("event")) }))
	doc := do(r.Handler(), "GET", "/openapi.json", "").Body.String()
	if !strings.Contains(doc, `"/stream"`) || !strings.Contains(doc, `"x-signalbox-access":"signed-in"`) {
		t.Errorf("not in the document: %s", doc)
	}
	if w := do(r.Handler(), "GET", "/stream", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", w.Code)
	}
}
