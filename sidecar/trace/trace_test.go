package trace_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// sink is a collector that keeps what it is sent.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	bodies [][]byte
	paths  []string
	types  []string
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{status: http.StatusAccepted}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.paths, s.types = append(s.bodies, body), append(s.paths, r.URL.Path), append(s.types, r.Header.Get("Content-Type"))
	w.WriteHeader(s.status)
}

func (s *sink) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *sink) received() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bodies
}

func provider(t *testing.T, reg prometheus.Registerer, endpoint string, exporters ...string) *trace.Provider {
	t.Helper()
	p, err := trace.New(t.Context(), trace.Settings{
		Service: "catalogs", Instance: "catalogs-1", Version: "1", Environment: "test",
		Exporters: exporters, Endpoint: endpoint, Ratio: 1, Registerer: reg,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
	return p
}

// one makes a server span with a failed client span in it, and flushes them out.
func one(t *testing.T, p *trace.Provider) oteltrace.TraceID {
	t.Helper()
	tracer := p.TracerProvider().Tracer("test")
	ctx, parent := tracer.Start(t.Context(), "GET /things", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	_, child := tracer.Start(ctx, "query", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
		oteltrace.WithAttributes(attribute.String("server.address", "db"), attribute.Int("rows", 3)))
	child.AddEvent("retried", oteltrace.WithAttributes(attribute.Int("attempt", 2)))
	child.SetStatus(codes.Error, "deadlock")
	child.End()
	parent.End()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return parent.SpanContext().TraceID()
}

func outcomes(t *testing.T, reg *prometheus.Registry, exporter string) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "signalbox_trace_spans_total" {
			collect(m, f, exporter)
		}
	}
	return m
}

func collect(m map[string]float64, f *dto.MetricFamily, exporter string) {
	for _, s := range f.GetMetric() {
		labels := map[string]string{}
		for _, l := range s.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["exporter"] == exporter {
			m[labels["outcome"]] = s.GetCounter().GetValue()
		}
	}
}

func TestNoneStillHasIDs(t *testing.T) {
	t.Parallel()
	tracer := provider(t, nil, "", "none").TracerProvider().Tracer("x")
	ctx, span := tracer.Start(t.Context(), "x")
	_, child := tracer.Start(ctx, "y")
	for _, s := range []oteltrace.Span{span, child} {
		s.SetStatus(codes.Error, "no")
		if sc := s.SpanContext(); !sc.IsValid() || !sc.IsSampled() || s.IsRecording() || sc.TraceID() != span.SpanContext().TraceID() {
			t.Errorf("span is %+v, recording: %v", sc, s.IsRecording())
		}
		s.End()
	}
}

func TestOTLP(t *testing.T) {
	for _, protocol := range []string{"", "http/protobuf"} {
		s := newSink(t)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		reg := prometheus.NewRegistry()
		id := one(t, provider(t, reg, "", "otlp"))
		var req collector.ExportTraceServiceRequest
		if len(s.received()) != 1 || s.paths[0] != "/v1/traces" {
			t.Fatalf("%d requests to %v", len(s.received()), s.paths)
		}
		if err := proto.Unmarshal(s.received()[0], &req); err != nil {
			t.Fatal(err)
		}
		checkOTLP(t, &req, id)
		if o := outcomes(t, reg, "otlp"); o["exported"] != 2 || o["failed"]+o["dropped"] != 0 {
			t.Errorf("outcomes are %v", o)
		}
	}
}

func checkOTLP(t *testing.T, req *collector.ExportTraceServiceRequest, id oteltrace.TraceID) {
	t.Helper()
	rs := req.GetResourceSpans()[0]
	attrs := map[string]string{}
	for _, kv := range rs.GetResource().GetAttributes() {
		attrs[kv.GetKey()] = kv.GetValue().GetStringValue()
	}
	if attrs["service.name"] != "catalogs" || attrs["service.instance.id"] != "catalogs-1" || attrs["deployment.environment.name"] != "test" {
		t.Errorf("resource is %v", attrs)
	}
	spans := rs.GetScopeSpans()[0].GetSpans()
	if len(spans) != 2 || oteltrace.TraceID(spans[0].GetTraceId()) != id {
		t.Errorf("spans are %v", spans)
	}
}

// receiver is a gRPC collector.
type receiver struct {
	collector.UnimplementedTraceServiceServer
	got chan *collector.ExportTraceServiceRequest
}

func (r *receiver) Export(_ context.Context, req *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.got <- req
	return &collector.ExportTraceServiceResponse{}, nil
}

func TestOTLPOverGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{got: make(chan *collector.ExportTraceServiceRequest, 1)}
	srv := grpc.NewServer()
	collector.RegisterTraceServiceServer(srv, r)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	id := one(t, provider(t, nil, "", "otlp"))
	checkOTLP(t, <-r.got, id)
}

// A caller's trace goes on; which header it came in does not matter.
func TestPropagator(t *testing.T) {
	t.Parallel()
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	prop := provider(t, nil, "").Propagator()
	for name, h := range map[string]map[string]string{
		"traceparent": {"traceparent": "00-" + id + "-" + span + "-01"},
		"b3 single":   {"b3": id + "-" + span + "-1"},
		"b3 multi":    {"X-B3-TraceId": id, "X-B3-SpanId": span, "X-B3-Sampled": "1"},
		"W3C wins":    {"traceparent": "00-" + id + "-" + span + "-01", "b3": strings.Repeat("1", 32) + "-" + span + "-1"},
	} {
		header := http.Header{}
		for k, v := range h {
			header.Set(k, v)
		}
		ctx := prop.Extract(t.Context(), propagation.HeaderCarrier(header))
		sc := oteltrace.SpanContextFromContext(ctx)
		if sc.TraceID().String() != id || !sc.IsSampled() {
			t.Errorf("%s: got %+v", name, sc)
		}
		out := propagation.MapCarrier{}
		prop.Inject(ctx, out)
		if out["traceparent"] == "" || out["b3"] == "" {
			t.Errorf("%s: sends %v", name, out)
		}
	}
	ctx := prop.Extract(t.Context(), propagation.MapCarrier{"baggage": "tenant=blue"})
	if got := baggage.FromContext(ctx).Member("tenant").Value(); got != "blue" {
		t.Errorf("baggage is %q", got)
	}
	for _, hostile := range []string{"", "00-0-0-01", strings.Repeat("x", 10000)} {
		ctx := prop.Extract(t.Context(), propagation.HeaderCarrier(http.Header{"Traceparent": {hostile}, "B3": {hostile}, "Baggage": {hostile}}))
		if oteltrace.SpanContextFromContext(ctx).IsValid() {
			t.Errorf("%.20q is a trace", hostile)
		}
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		s        trace.Settings
		env      [2]string
		variable string
	}{
		"unknown exporter": {s: trace.Settings{Exporters: []string{"none", "zipper"}}, variable: "SIGNALBOX_TRACE_EXPORTER"},
		"no URL":           {s: trace.Settings{Exporters: []string{"zipkin"}, Endpoint: "localhost:9411"}, variable: "SIGNALBOX_TRACE_ENDPOINT"},
		"no URL, jaeger":   {s: trace.Settings{Exporters: []string{"jaeger"}, Endpoint: "jaeger=udp://x"}, variable: "SIGNALBOX_TRACE_ENDPOINT"},
		"shared URL":       {s: trace.Settings{Exporters: []string{"zipkin", "jaeger"}, Endpoint: "http://x"}, variable: "SIGNALBOX_TRACE_ENDPOINT"},
		"ratio":            {s: trace.Settings{Ratio: 1.5}, variable: "SIGNALBOX_TRACE_RATIO"},
		"otlp endpoint":    {s: trace.Settings{Exporters: []string{"otlp"}}, env: [2]string{"OTEL_EXPORTER_OTLP_ENDPOINT", "nope"}, variable: "OTEL_EXPORTER_OTLP_ENDPOINT"},
		"otlp protocol":    {s: trace.Settings{Exporters: []string{"otlp"}}, env: [2]string{"OTEL_EXPORTER_OTLP_PROTOCOL", "soap"}, variable: "OTEL_EXPORTER_OTLP_PROTOCOL"},
		"sampler":          {s: trace.Settings{Ratio: 1}, env: [2]string{"OTEL_TRACES_SAMPLER_ARG", "NaN"}, variable: "OTEL_TRACES_SAMPLER_ARG"},
		"resource":         {s: trace.Settings{}, env: [2]string{"OTEL_RESOURCE_ATTRIBUTES", "novalue"}, variable: "OTEL_RESOURCE_ATTRIBUTES"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.env[0] != "" {
				t.Setenv(c.env[0], c.env[1])
			}
			_, err := trace.New(t.Context(), c.s)
			var se *settings.Error
			if !errors.As(err, &se) || se.Variable != c.variable {
				t.Errorf("error is %v, want one about %s", err, c.variable)
			}
		})
	}
}

func TestSamplerArgument(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
	_, span := provider(t, nil, "").TracerProvider().Tracer("x").Start(t.Context(), "x")
	if span.SpanContext().IsSampled() || !span.SpanContext().IsValid() {
		t.Errorf("span is %+v", span.SpanContext())
	}
}

// A collector that refuses costs spans; each is counted once.
func TestRefusingCollector(t *testing.T) {
	t.Parallel()
	for _, exporter := range []string{"zipkin", "jaeger"} {
		s, reg := newSink(t), prometheus.NewRegistry()
		s.answer(http.StatusInternalServerError)
		p := provider(t, reg, s.URL, exporter)
		one(t, p)
		s.answer(http.StatusAccepted)
		one(t, p)
		if o := outcomes(t, reg, exporter); o["exported"] != 2 || o["failed"] != 2 || o["dropped"] != 0 {
			t.Errorf("%s: outcomes are %v", exporter, o)
		}
	}
}

// A collector that takes the connection and never answers: nobody waits for it, the queue is bounded,
// and every span is accounted for.
func TestDeadCollectorSlowsNobody(t *testing.T) {
	t.Parallel()
	for _, exporter := range []string{"zipkin", "jaeger"} {
		hang := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
		reg := prometheus.NewRegistry()
		p := provider(t, reg, srv.URL, exporter)
		tracer := p.TracerProvider().Tracer("x")
		const spans = 10000
		began := time.Now()
		for range spans {
			_, s := tracer.Start(t.Context(), "x")
			s.End()
		}
		took := time.Since(began)
		t.Logf("METRIC trace_%s_dead_collector_ns_per_span=%d limit=50000", exporter, took.Nanoseconds()/spans)
		if o := outcomes(t, reg, exporter); o["dropped"] == 0 {
			t.Errorf("the queue never filled: %v", o)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_ = p.Shutdown(ctx)
		cancel()
		if o := outcomes(t, reg, exporter); o["exported"]+o["failed"]+o["dropped"] != spans {
			t.Errorf("%s: %d spans, outcomes are %v", exporter, spans, o)
		}
		close(hang)
		srv.Close()
	}
}
