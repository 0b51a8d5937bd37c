package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestServiceAway(t *testing.T) {
	t.Parallel()
	r := start(t, config(), nil)
	a := r.call("GET", "/api/catalogs/v1/types", r.token("anna"), nil)
	want(t, a, http.StatusServiceUnavailable, "unavailable")
	if a.header.Get("Retry-After") == "" || strings.Contains(a.text, "127.0.0.1") || strings.Contains(a.text, "dial") {
		t.Errorf("%v %s", a.header, a.text)
	}
}

func TestServiceBreaksOff(t *testing.T) {
	t.Parallel()
	r := start(t, config(), map[string]http.Handler{"catalogs": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })})
	want(t, r.call("POST", "/api/catalogs/v1/types", r.token("anna"), repeat(10)), http.StatusServiceUnavailable, "unavailable")
}

func TestStreamsFlowAndEndWithTheGateway(t *testing.T) {
	t.Parallel()
	more := make(chan string)
	left := make(chan struct{})
	r := start(t, config(), map[string]http.Handler{"view-service": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		defer close(left)
		for {
			select {
			case text := <-more:
				_, _ = fmt.Fprintf(w, "data: %s\n\n", text)
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})})
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/api/maintenance/v1/logs/tail", nil)
	check(t, err)
	req.Header.Set("Authorization", "Bearer "+r.token("anna"))
	go func() { more <- "first" }()
	resp, err := http.DefaultTransport.RoundTrip(req)
	check(t, err)
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for _, text := range []string{"first", "second"} {
		if text == "second" {
			more <- text
		}
		line, err := lines.ReadString('\n')
		check(t, err)
		if line != "data: "+text+"\n" {
			t.Fatalf("got %q", line)
		}
		_, _ = lines.ReadString('\n')
	}
	began := time.Now()
	r.cancel()
	select {
	case <-left:
		t.Logf("METRIC stream_ended_ms=%d limit=5000", time.Since(began).Milliseconds())
	case <-time.After(10 * time.Second):
		t.Fatal("the stream outlives the gateway")
	}
}

// documented is a service with a document as package web makes it, its paths under prefix.
func documented(t *testing.T, prefix string) http.Handler {
	t.Helper()
	text, err := os.ReadFile("testdata/service.json")
	check(t, err)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.ReplaceAll(text, []byte("/api/PREFIX"), []byte(prefix)))
	})
}

func TestOpenAPIIsMerged(t *testing.T) {
	t.Parallel()
	r := start(t, config(), map[string]http.Handler{"catalogs": documented(t, "/api/catalogs"), "view-service": documented(t, "/api/maintenance")})
	a := r.call("GET", "/openapi.json", "", nil)
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.text)
	}
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.text))
	check(t, err)
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("the merged document is not valid: %v", err)
	}
	if got := fmt.Sprint(a.body["x-signalbox-missing"]); got != "[identity scheduler web-studio]" {
		t.Errorf("missing: %s", got)
	}
	if doc.Paths.Value("/internal/x") != nil || doc.Paths.Len() != 2 {
		t.Errorf("paths: %v", doc.Paths.Keys())
	}
	for service, path := range map[string]string{"catalogs": "/api/catalogs/v1/records/{id}", "view-service": "/api/maintenance/v1/records/{id}"} {
		op := doc.Paths.Value(path).Get
		if op.OperationID != service+".read" || op.Tags[0] != service {
			t.Errorf("%s: %s %v", path, op.OperationID, op.Tags)
		}
		if doc.Components.Schemas[service+".Record"] == nil || doc.Components.SecuritySchemes[service+".userToken"] == nil {
			t.Errorf("%s: components are missing", service)
		}
		if _, ok := (*op.Security)[0][service+".userToken"]; !ok {
			t.Errorf("%s: security %v", path, *op.Security)
		}
	}
	var generic any
	check(t, json.Unmarshal([]byte(a.text), &generic))
}

// TestTheServicesOwnDocumentsMerge: the committed ones, as they are.
func TestTheServicesOwnDocumentsMerge(t *testing.T) {
	t.Parallel()
	services := map[string]http.Handler{}
	files, err := filepath.Glob("../*/openapi.json")
	check(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		services[filepath.Base(filepath.Dir(file))] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
	}
	a := start(t, config(), services).call("GET", "/openapi.json", "", nil)
	doc, err := openapi3.NewLoader().LoadFromData([]byte(a.text))
	check(t, err)
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("not valid: %v", err)
	}
	for name := range services {
		if !strings.Contains(a.text, `"operationId":"`+name+".") {
			t.Errorf("nothing of %s is in it", name)
		}
	}
}

func TestDocsPage(t *testing.T) {
	t.Parallel()
	r := start(t, config(), nil)
	for path, kind := range map[string]string{"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css"} {
		a := r.call("GET", path, "", nil)
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), kind) || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		if strings.Contains(a.text, "https://") || strings.Contains(a.text, "innerHTML") {
			t.Errorf("%s loads from elsewhere, or writes markup", path)
		}
	}
}
