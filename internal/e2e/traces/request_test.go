package traces

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// whole is a trace as maintenance shows it.
type whole struct {
	Spans   []part
	Records []struct {
		Service, Span, By string
		Links             *struct{ Trace string }
	}
	Missing []struct{ Part, Reason string }
}

// part of a trace is a span.
type part struct {
	Key, Under, Service, Name string
	Attributes                map[string]string
}

// has reports whether a span of the service has a name that begins so.
func (w *whole) has(service, name string) bool {
	for _, s := range w.Spans {
		if s.Service == service && strings.HasPrefix(s.Name, name) {
			return true
		}
	}
	return false
}

// lines of a service that stand in a span of its own.
func (w *whole) lines(service string) (n int) {
	for _, r := range w.Records {
		for _, s := range w.Spans {
			if r.Service == service && r.Span == s.Key && s.Service == service && r.By == "span_id" && r.Links != nil {
				n++
			}
		}
	}
	return n
}

// TestARequest: one request, gateway → catalogs → PostgreSQL → bus → notification → catalogs by gRPC, is one tree with its log lines
// in place, and its id comes out as an exemplar of every histogram on its way.
func TestARequest(t *testing.T) {
	r := newRig(t, 1, nil)
	front, types, notification := r.front, r.types, r.notification
	id := r.makeType("admin", "lamp")

	var w whole
	defer func() {
		if t.Failed() {
			t.Logf("%+v", w)
		}
	}()
	wait.For(t, limit, "the whole trace with its lines", func() bool {
		w = whole{}
		a := r.call("admin", http.MethodGet, "/api/maintenance/v1/traces/"+id, "")
		return a.Status == http.StatusOK && json.Unmarshal(a.Body, &w) == nil && w.has("gateway", "POST") && w.has("catalogs", "POST "+typesPath) &&
			w.has("notification", "process notification.types") && w.lines("gateway") > 0 && w.lines("catalogs") > 0 && w.lines("notification") > 0 &&
			slices.ContainsFunc(w.Spans, func(s part) bool {
				return s.Attributes["db.system.name"] == "postgresql" && s.Attributes["db.query.summary"] == s.Name && strings.Contains(s.Name, "types")
			})
	})
	if w.Spans[0].Service != "gateway" || w.Spans[0].Under != "" || len(w.Missing) != 0 {
		t.Errorf("the root is %+v, missing: %+v", w.Spans[0], w.Missing)
	}
	for _, s := range w.Spans[1:] {
		if s.Under == "" {
			t.Errorf("%s of %s has no parent", s.Name, s.Service)
		}
	}

	for addr, histograms := range map[string][]string{
		front.OpsAddr():        {"http_server_request_duration_seconds"},
		types.OpsAddr():        {"http_server_request_duration_seconds", "rpc_server_call_duration_seconds", "db_client_operation_duration_seconds", "messaging_client_operation_duration_seconds"},
		notification.OpsAddr(): {"messaging_process_duration_seconds", "signalbox_edge_duration_seconds"},
	} {
		text := scrape(t, "http://"+addr+"/metrics")
		for _, name := range histograms {
			if !exemplar(text, name, id) {
				t.Errorf("%s at %s does not show the trace", name, addr)
			}
		}
	}
}

// scrape asks for OpenMetrics, as Prometheus does.
func scrape(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// exemplar reports whether a bucket of the histogram has the trace as its exemplar.
func exemplar(text, name, trace string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name+"_bucket") && strings.Contains(line, `# {trace_id="`+trace+`"}`) {
			return true
		}
	}
	return false
}
