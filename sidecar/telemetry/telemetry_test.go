package telemetry_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

func scrape(t *testing.T, reg *prometheus.Registry, accept string) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	telemetry.Handler(reg).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("scrape is %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func sampled(t *testing.T) (context.Context, string) {
	t.Helper()
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1, 2}, SpanID: trace.SpanID{3}, TraceFlags: trace.FlagsSampled})
	return trace.ContextWithSpanContext(t.Context(), sc), sc.TraceID().String()
}

func TestPromtoolIsContent(t *testing.T) {
	t.Parallel()
	reg := telemetry.NewRegistry("1.0.0")
	m := telemetry.NewHTTPServer(reg)
	m.Begin("GET")()
	m.Observe(t.Context(), telemetry.Exchange{Method: "GET", Route: "/a", Status: 200, Duration: time.Millisecond, Written: 10})
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(scrape(t, reg, "text/plain"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v: %s", err, out)
	}
}

func TestExemplars(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := telemetry.NewHTTPServer(reg)
	ctx, id := sampled(t)
	m.Observe(t.Context(), telemetry.Exchange{Method: "GET", Route: "/untraced", Status: 200})
	m.Observe(ctx, telemetry.Exchange{Method: "GET", Route: "/traced", Status: 200, Duration: time.Second})
	text := scrape(t, reg, "application/openmetrics-text; version=1.0.0")
	if strings.Count(text, `trace_id="`+id+`"`) != 1 || !strings.HasSuffix(text, "# EOF\n") {
		t.Errorf("exemplars: %s", text)
	}
	if plain := scrape(t, reg, "text/plain"); strings.Contains(plain, "trace_id") || strings.Contains(plain, "# EOF") {
		t.Errorf("plain text has exemplars: %s", plain)
	}
}

func TestNativeHistograms(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	telemetry.NewHTTPServer(reg).Observe(t.Context(), telemetry.Exchange{Method: "GET", Route: "/", Status: 200, Duration: time.Second})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "http_server_request_duration_seconds" {
			h := f.GetMetric()[0].GetHistogram()
			if h.Schema == nil || len(h.GetBucket()) == 0 {
				t.Errorf("histogram is not native and classic at once: %v", h)
			}
		}
	}
}

// Several parts of one sidecar share a set; several sidecars in one process do not meet.
func TestSharedAndSeparate(t *testing.T) {
	t.Parallel()
	one, two := telemetry.NewRegistry("1"), telemetry.NewRegistry("2")
	for range 2 {
		telemetry.NewHTTPServer(one).Observe(t.Context(), telemetry.Exchange{Method: "GET", Route: "/", Status: 200})
	}
	if text := scrape(t, one, ""); !strings.Contains(text, `http_route="/"} 2`) {
		t.Errorf("the set is not shared: %s", text)
	}
	if text := scrape(t, two, ""); strings.Contains(text, "http_server") {
		t.Error("registries meet")
	}
	id := telemetry.ProcessID()
	for _, reg := range []*prometheus.Registry{one, two} {
		if !strings.Contains(scrape(t, reg, ""), fmt.Sprintf("signalbox_process_info{process_id=%q} 1", id)) {
			t.Error("sidecars of one process do not say the same process id")
		}
	}
}

func TestRegisterConflict(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	telemetry.NewHistogram(reg, "x_seconds", "X", telemetry.DurationBuckets(), "a")
	defer func() {
		if recover() == nil {
			t.Error("another metric of the same name is taken")
		}
	}()
	telemetry.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{Name: "x_seconds", Help: "Y"}))
}

func TestMethodIsBounded(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"GET": "GET", "get": "_OTHER", "XYZZY": "_OTHER", "": "_OTHER"} {
		if got := telemetry.Method(in); got != want {
			t.Errorf("%q is %q", in, got)
		}
	}
}
