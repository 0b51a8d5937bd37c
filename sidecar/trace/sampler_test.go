package trace_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// exported makes n traces of the name and the attributes, and counts how many of them are handed to the exporter.
func exported(t *testing.T, p *trace.Provider, reg *prometheus.Registry, n int, name string, attrs ...attribute.KeyValue) int {
	t.Helper()
	before := sum(outcomes(t, reg, "zipkin"))
	tracer := p.TracerProvider().Tracer("test")
	for i := range n {
		_, span := tracer.Start(t.Context(), name, oteltrace.WithAttributes(attrs...))
		span.End()
		if i%500 == 499 { // the queue holds some two thousand
			if err := p.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return int(sum(outcomes(t, reg, "zipkin")) - before)
}

func sum(m map[string]float64) (n float64) {
	for _, v := range m {
		n += v
	}
	return n
}

// near allows six standard deviations of the binomial distribution: one run in half a billion is beyond them.
func near(t *testing.T, what string, got, n int, ratio float64) {
	t.Helper()
	want := float64(n) * ratio
	if limit := 6 * math.Sqrt(want*(1-ratio)); math.Abs(float64(got)-want) > limit {
		t.Errorf("%s: %d of %d exported, want %.0f ± %.0f", what, got, n, want, limit)
	}
}

func TestSamplingChangesWhileItRuns(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	p := provider(t, reg, newSink(t).URL, "zipkin")
	const n = 4000
	get := func(path string) []attribute.KeyValue {
		return []attribute.KeyValue{attribute.String("http.request.method", "GET"), attribute.String("url.path", path)}
	}
	near(t, "as configured", exported(t, p, reg, n, "x"), n, 1)

	p.SetSampling([]trace.Rule{{Ratio: .25}})
	if configured, effective := p.Sampling(); configured != 1 || effective != .25 {
		t.Errorf("configured %v, effective %v", configured, effective)
	}
	near(t, "overall", exported(t, p, reg, n, "x"), n, .25)

	p.SetSampling([]trace.Rule{{Route: "GET /v1/types/{id}", Ratio: .5}, {Ratio: 0}, {Route: "timed catalogs.purge", Ratio: 1}})
	near(t, "of a route", exported(t, p, reg, n, "GET", get("/v1/types/7")...), n, .5)
	near(t, "by the span's name", exported(t, p, reg, n, "timed catalogs.purge"), n, 1)
	near(t, "of another route", exported(t, p, reg, n, "GET", get("/v1/types")...), n, 0)

	p.SetSampling(nil)
	near(t, "back", exported(t, p, reg, n, "GET", get("/v1/types/7")...), n, 1)
}

// The caller's decision is kept, whatever holds here.
func TestSamplingIsParentBased(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	p := provider(t, reg, newSink(t).URL, "zipkin")
	tracer := p.TracerProvider().Tracer("test")
	for ratio, want := range map[float64]oteltrace.TraceFlags{0: oteltrace.FlagsSampled, 1: 0} {
		p.SetSampling([]trace.Rule{{Ratio: ratio}, {Route: "child", Ratio: ratio}})
		parent := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{1}, TraceFlags: want, Remote: true})
		_, span := tracer.Start(oteltrace.ContextWithRemoteSpanContext(t.Context(), parent), "child")
		if got := span.SpanContext().TraceFlags(); got != want {
			t.Errorf("ratio %v, parent %v: child %v", ratio, want, got)
		}
		span.End()
	}
}

func TestRoutesOfSampling(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	p := provider(t, reg, newSink(t).URL, "zipkin")
	for _, c := range []struct {
		route, method, path string
		want                bool
	}{
		{"GET /v1/types", "GET", "/v1/types", true},
		{"GET /v1/types", "POST", "/v1/types", false},
		{"GET /v1/types", "GET", "/v1/types/7", false},
		{"GET /v1/types", "GET", "/v1", false},
		{"/v1/types", "DELETE", "/v1/types", true},
		{"GET /v1/{kind}/{id}", "GET", "/v1/types/7", true},
		{"GET /v1/{kind}/{id}", "GET", "/v1/types/", false},
		{"GET /api/catalogs/", "GET", "/api/catalogs/v1/types", true},
		{"GET /api/catalogs/", "GET", "/api/identity/v1", false},
		{"GET /files/{path...}", "GET", "/files/a/b", true},
		{"GET /", "GET", "/", true},
		{"GET /", "GET", "/x", false},
		{"publish orders", "GET", "/publish orders", false},
	} {
		p.SetSampling([]trace.Rule{{Ratio: 0}, {Route: c.route, Ratio: 1}})
		got := exported(t, p, reg, 1, c.method, attribute.String("http.request.method", c.method), attribute.String("url.path", c.path))
		if (got == 1) != c.want {
			t.Errorf("%q meets %s %s: %v, want %v", c.route, c.method, c.path, got == 1, c.want)
		}
	}
}

func TestSamplingLeases(t *testing.T) {
	t.Parallel()
	p := provider(t, prometheus.NewRegistry(), "")
	e := p.Effect()
	refused := e.Apply([]lease.Lease{{ID: "a", Value: "0.5"}, {ID: "b", Value: `{"ratio":0.1}`}, {ID: "c", Value: "most"}, {ID: "d", Value: `{"ratio":2}`},
		{ID: "e", Value: `{"route":"GET /x"}`}, {ID: "f", Value: `{"ratio":0.1,"rote":"x"}`}, {ID: "g", Value: "NaN"}, {ID: "h", Value: ""}})
	if len(refused) != 6 || refused["a"] != nil || refused["b"] != nil {
		t.Errorf("refused: %v", refused)
	}
	if _, effective := p.Sampling(); effective != .1 {
		t.Errorf("effective %v, want the stronger one's", effective)
	}
	var many []lease.Lease
	for i := range 70 {
		many = append(many, lease.Lease{ID: fmt.Sprint(i), Value: fmt.Sprintf(`{"ratio":1,"route":"GET /%d"}`, i)})
	}
	if refused = e.Apply(many); len(refused) != 6 || refused["0"] == nil || refused["69"] != nil {
		t.Errorf("of too many routes: %v", refused)
	}
	if refused = e.Apply(nil); len(refused) != 0 {
		t.Error(refused)
	}
	if _, effective := p.Sampling(); effective != 1 {
		t.Errorf("after the last lease: %v", effective)
	}
}

// Whoever begins a span while the ratio changes takes one of the two.
func TestSamplingIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	p := provider(t, prometheus.NewRegistry(), "")
	tracer := p.TracerProvider().Tracer("test")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 500 {
				_, span := tracer.Start(t.Context(), "x")
				span.End()
				p.SetSampling([]trace.Rule{{Ratio: float64(j%2) / 2}, {Route: strings.Repeat("x", i+1), Ratio: 1}})
			}
		})
	}
	all.Wait()
}

// BenchmarkSampling compares what a new, unsampled span costs with the SDK's own sampler and with ours, turn by turn, so that
// other work on the machine meets both.
func BenchmarkSampling(b *testing.B) {
	sdk := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(1e-9)))).Tracer("bench")
	for name, rules := range map[string][]trace.Rule{
		"configured": nil, "leased": {{Ratio: 1e-9}}, "route": {{Route: "GET /v1/types/{id}", Ratio: 1}},
	} {
		b.Run(name, func(b *testing.B) {
			p, err := trace.New(b.Context(), trace.Settings{Service: "catalogs", Ratio: 1e-9, Registerer: prometheus.NewRegistry()})
			if err != nil {
				b.Fatal(err)
			}
			p.SetSampling(rules)
			ours := p.TracerProvider().Tracer("bench")
			var peer, own []time.Duration
			for b.Loop() {
				peer, own = append(peer, hundred(b, sdk)), append(own, hundred(b, ours))
			}
			slices.Sort(peer)
			slices.Sort(own)
			b.ReportMetric(float64(own[len(own)/2])/float64(peer[len(peer)/2]), "x-sdk")
			b.ReportMetric(float64(own[len(own)/2])/100, "ns/span")
		})
	}
}

// hundred is how long that many spans take.
func hundred(b *testing.B, t oteltrace.Tracer) time.Duration {
	began := time.Now()
	for range 100 {
		_, span := t.Start(b.Context(), "GET", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
		span.End()
	}
	return time.Since(began)
}
