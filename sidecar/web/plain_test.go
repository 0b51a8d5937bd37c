package web_test

import (
	"bytes"
	"io"
	"log/slog"
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

func TestTelemetryMakesNoLineAndHasItsOwnBound(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := web.New(web.Settings{Service: "view-service", Verifier: tokens{}, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	got := 0
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if got = len(raw); err != nil {
			got = -1
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	a.HandleTelemetry(web.Operation{OperationID: "take", Method: "post", Path: "/take", Summary: "Take it", MaxBodyBytes: 3 << 20}, access.Public(), answer)
	a.HandleOperation(web.Operation{OperationID: "work", Method: "post", Path: "/work", Summary: "Work"}, access.Public(), answer)
	for path, want := range map[string]int{"/take": 2 << 20, "/work": 0} {
		got = 0
		if do(a.Handler(), "POST", path, strings.Repeat("x", 2<<20)); got != want {
			t.Errorf("%s read %d bytes", path, got)
		}
	}
	if strings.Contains(log.String(), "/take") || !strings.Contains(log.String(), "/work") {
		t.Errorf("lines: %s", &log)
	}
}
