package traces

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
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
	j := jaegertest.Server(t)
	m := meshtest.New(t, []string{"view_service", "maintenance", "catalogs"}, "gateway", "catalogs", "view-service", "notification")
	traced := func(c *sidecar.Config) {
		c.TraceExporter, c.TraceEndpoint, c.TraceRatio = []string{"otlp"}, "otlp="+j.OTLPHTTP(), 1
		c.StateDir, c.LogLevel, c.SpoolLimit = filepath.Join(m.Dir, "state"), "debug", 16<<20
	}
	parts.View(t, m, "view-service-1", func(c *viewservice.Config) { c.TraceQuery = "jaeger=" + j.Query() })
	config := m.Config("catalogs", "catalogs-1", "catalogs")
	traced(&config)
	types, err := catalogs.New(t.Context(), catalogs.Config{Config: config}, m.Settings("catalogs"))
	if err != nil {
		t.Fatal(err)
	}
	notification := m.Small("notification", "notification-1", "", traced)
	notification.Subscribe(bus.Subscription{Queue: "notification.types", Exchange: bus.Events, Keys: []string{"catalogs.#"},
		Handler: func(ctx context.Context, _ bus.Delivery) error {
			notification.Logger("told").InfoContext(ctx, "told of a type")
			conn, err := notification.Mesh().RPC("catalogs")
			if err != nil {
				return err
			}
			_, _ = api.New(conn).Type(ctx, "lamp") // for nobody, which catalogs may refuse: the call is what counts
			return nil
		}})
	m.Run("catalogs", types)
	m.Run("notification", notification)
	front := parts.Gateway(t, m, func(c *gateway.Config) { traced(&c.Config) })

	const prefix = "/api/catalogs/v1/types"
	call := func(method, path, body string) meshtest.Answer {
		return m.Call(front.PublicAddr(), "admin", method, path, body)
	}
	wait.For(t, limit, "the mesh", func() bool { return call(http.MethodGet, prefix, "").Status == http.StatusOK })
	made := call(http.MethodPost, prefix, `{"name":"lamp","schema":{}}`)
	id := made.Header.Get("X-Trace-Id")
	if made.Status != http.StatusCreated || len(id) != 32 {
		t.Fatalf("%d %s, trace %q", made.Status, made.Body, id)
	}

	var w whole
	defer func() {
		if t.Failed() {
			t.Logf("%+v", w)
		}
	}()
	wait.For(t, limit, "the whole trace with its lines", func() bool {
		w = whole{}
		a := call(http.MethodGet, "/api/maintenance/v1/traces/"+id, "")
		return a.Status == http.StatusOK && json.Unmarshal(a.Body, &w) == nil && w.has("gateway", "POST") && w.has("catalogs", "POST "+prefix) &&
			w.has("notification", "process notification.types") && w.lines("gateway") > 0 && w.lines("catalogs") > 0 && w.lines("notification") > 0 &&
			slices.ContainsFunc(w.Spans, func(s part) bool { return s.Service == "catalogs" && s.Attributes["db.system.name"] == "postgresql" })
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
		text := scrape(t, addr)
		for _, name := range histograms {
			if !exemplar(text, name, id) {
				t.Errorf("%s at %s does not show the trace", name, addr)
			}
		}
	}
}

// scrape asks for OpenMetrics, as Prometheus does.
func scrape(t *testing.T, addr string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
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
