// Package traces proves what an SRE opens in Jaeger, with a real one: that each exporter's spans arrive there whole, and that a
// request is one tree over all that it touches.
package traces

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 30 * time.Second // generous: two cores are shared by everything

// TestExporters: the same tree through each exporter, and through all at once, as Jaeger has it afterwards.
func TestExporters(t *testing.T) {
	j := jaegertest.Server(t)
	for name, way := range map[string]struct {
		exporters []string
		endpoint  string
		variables map[string]string
		copies    int // of each span: Jaeger keeps what comes by two ways twice
	}{
		"OTLP/HTTP": {[]string{"otlp"}, "otlp=" + j.OTLPHTTP(), nil, 1},
		"OTLP/HTTP by OpenTelemetry's variables": {[]string{"otlp"}, "", map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": j.OTLPHTTP()}, 1},
		"OTLP/gRPC": {[]string{"otlp"}, "", map[string]string{
			"OTEL_EXPORTER_OTLP_ENDPOINT": j.OTLPGRPC(), "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, 1},
		"Zipkin": {[]string{"zipkin"}, j.Zipkin(), nil, 1},
		"Thrift": {[]string{"jaeger"}, j.Thrift(), nil, 1},
		"all at once": {[]string{"otlp", "zipkin", "jaeger"},
			"otlp=" + j.OTLPHTTP() + ",zipkin=" + j.Zipkin() + ",jaeger=" + j.Thrift(), nil, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for k, v := range way.variables {
				t.Setenv(k, v)
			}
			registry := prometheus.NewRegistry()
			p, err := trace.New(t.Context(), trace.Settings{Service: "catalogs", Instance: "catalogs-1", Version: "1.2.3", Environment: "test",
				Exporters: way.exporters, Endpoint: way.endpoint, Ratio: 1, Registerer: registry})
			if err != nil {
				t.Fatal(err)
			}
			root, child := grow(p)
			if err := p.Shutdown(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, e := range way.exporters {
				if err := testutil.GatherAndCompare(registry, exported(e), "signalbox_trace_spans_total"); err != nil && len(way.exporters) == 1 {
					t.Error(err)
				}
			}
			check(t, j, root, child, way.copies)
		})
	}
}

// grow makes a server's span with an attribute of each kind, and in it a failed query.
func grow(p *trace.Provider) (root, child oteltrace.SpanContext) {
	tracer := p.TracerProvider().Tracer("traces")
	ctx, span := tracer.Start(context.Background(), "GET /types/{id}", oteltrace.WithSpanKind(oteltrace.SpanKindServer), oteltrace.WithAttributes(
		attribute.String("http.route", "/types/{id}"), attribute.Int("http.response.status_code", 500), attribute.Bool("signalbox.debug", true)))
	_, query := tracer.Start(ctx, "SELECT types", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
		oteltrace.WithAttributes(attribute.String("db.system.name", "postgresql")))
	query.AddEvent("retried", oteltrace.WithAttributes(attribute.Int("attempt", 2)))
	query.RecordError(errors.New("deadlock found"))
	query.SetStatus(codes.Error, "deadlock found")
	query.End()
	span.End()
	return span.SpanContext(), query.SpanContext()
}

func check(t *testing.T, j *jaeger.Server, root, child oteltrace.SpanContext, copies int) {
	t.Helper()
	var all []jaegertest.Span
	var err error
	wait.For(t, limit, "the spans in Jaeger", func() bool {
		all, err = jaegertest.Trace(t.Context(), j, root.TraceID().String())
		return err == nil && len(all) == 2*copies
	})
	for _, s := range all { // whose names Zipkin's model has in small letters
		if s.Service != "catalogs" {
			t.Errorf("%s is of service %q", s.Name, s.Service)
		}
		switch s.SpanID {
		case root.SpanID().String():
			if !strings.EqualFold(s.Name, "GET /types/{id}") || s.Parent() != "" || s.Tag("span.kind") != "server" || s.Tag("http.route") != "/types/{id}" {
				t.Errorf("the root is %+v", s)
			}
		case child.SpanID().String():
			if !strings.EqualFold(s.Name, "SELECT types") || s.Parent() != root.SpanID().String() || s.Tag("span.kind") != "client" || s.Tag("error") == nil || len(s.Logs) < 2 {
				t.Errorf("the query is %+v", s)
			}
		default:
			t.Errorf("a stranger: %+v", s)
		}
	}
}

// exported is the law of one exporter that took both spans.
func exported(exporter string) io.Reader {
	return strings.NewReader(`# HELP signalbox_trace_spans_total Sampled spans by exporter and outcome: exported, failed (the collector did not take them), dropped (the queue was full)
# TYPE signalbox_trace_spans_total counter
signalbox_trace_spans_total{exporter="` + exporter + `",outcome="dropped"} 0
signalbox_trace_spans_total{exporter="` + exporter + `",outcome="exported"} 2
signalbox_trace_spans_total{exporter="` + exporter + `",outcome="failed"} 0
`)
}
