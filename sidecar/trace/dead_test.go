package trace_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// hanging takes connections and says nothing on them, ever.
func hanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all []net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all = append(all, c)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, c := range all {
			c.Close()
		}
	})
	return "http://" + l.Addr().String()
}

// refusing is an address that nobody listens at.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func failing(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(s.Close)
	return s.URL
}

// single is the value of a metric without labels, or with that of the exporter.
func single(t *testing.T, reg *prometheus.Registry, name string) (v float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				v += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return v
}

// A collector that is dead in whatever way: nobody waits for it, the queue is bounded in spans and in bytes, and of every
// span it is known where it is, while it is away and after the end.
func TestDeadCollectors(t *testing.T) {
	for name, dead := range map[string]func(*testing.T) string{"hangs": hanging, "refuses": refusing, "answers 500": failing} {
		for _, exporter := range []string{"otlp", "otlp/grpc", "zipkin", "jaeger"} {
			t.Run(exporter+" "+name, func(t *testing.T) {
				url, kind := dead(t), strings.TrimSuffix(exporter, "/grpc")
				if kind == "otlp" {
					t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
				}
				if exporter != kind {
					t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
				}
				endpoint := url
				if kind == "otlp" {
					endpoint = ""
				}
				reg := prometheus.NewRegistry()
				p := provider(t, reg, endpoint, kind)
				survive(t, p, reg, kind, name == "hangs")
			})
		}
	}
}

func survive(t *testing.T, p *trace.Provider, reg *prometheus.Registry, exporter string, hangs bool) {
	t.Helper()
	const spans, mostQueued = 6000, 2048 + 512 // in the queue and under way
	tracer := p.TracerProvider().Tracer("x")
	large := strings.Repeat("x", 100_000)
	began := time.Now()
	for i := range spans {
		_, s := tracer.Start(t.Context(), "x")
		if i%100 == 0 {
			for j := range 200 {
				s.SetAttributes(attribute.String("large."+strings.Repeat("k", j), large))
				s.AddEvent(large, oteltrace.WithAttributes(attribute.String("large", large)))
			}
		}
		s.End()
	}
	t.Logf("METRIC trace_dead_collector_ns_per_span=%d limit=50000", time.Since(began).Nanoseconds()/spans)
	settled := func() (o map[string]float64, queued float64) {
		return outcomes(t, reg, exporter), single(t, reg, "signalbox_trace_queued_spans")
	}
	// Who had waited for room would have waited for an export to end, and none has: it takes 10 s.
	if o, _ := settled(); hangs && (o["dropped"] == 0 || o["failed"] != 0 || o["exported"] != 0) {
		t.Errorf("somebody has waited: %v", o)
	}
	wait.For(t, 20*time.Second, "ended = exported + failed + dropped + queued", func() bool {
		o, queued := settled()
		if queued > mostQueued {
			t.Fatalf("%v spans queued", queued)
		}
		return single(t, reg, "signalbox_trace_ended_total") == spans && sum(o)+queued == spans
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Errorf("the end: %v", err)
	}
	_, late := tracer.Start(t.Context(), "after the end")
	late.End()
	o, queued := settled()
	if queued != 0 || sum(o) != single(t, reg, "signalbox_trace_ended_total") || o["exported"] != 0 {
		t.Errorf("after the end: %v, %v queued, %v ended", o, queued, single(t, reg, "signalbox_trace_ended_total"))
	}
}

// TestADeadCollectorTakesNoMemory: spans that are large, and fewer than a queue has room for, are bounded in bytes. What they hold is
// theirs alone, so that the heap would show them.
func TestADeadCollectorTakesNoMemory(t *testing.T) {
	for name, dead := range map[string]func(*testing.T) string{"hangs": hanging, "refuses": refusing, "answers 500": failing} {
		for _, exporter := range []string{"otlp", "zipkin", "jaeger"} {
			t.Run(exporter+" "+name, func(t *testing.T) {
				const spans, bound = 1500, 8 << 20
				reg := prometheus.NewRegistry()
				p := provider(t, reg, exporter+"="+dead(t), exporter)
				tracer := p.TracerProvider().Tracer("x")
				before := heap()
				var made int
				for i := range spans {
					_, s := tracer.Start(t.Context(), "x")
					for j := range 40 {
						value := strings.Repeat(string(rune('a'+i%26)), 2000)
						s.SetAttributes(attribute.String("large."+string(rune('A'+j)), value))
						made += len(value)
					}
					s.End()
				}
				grown := heap() - before
				t.Logf("METRIC dead_collector_heap_mib{%s %s}=%.1f limit=%d (spans of %d MiB)", exporter, name, float64(grown)/(1<<20), 4*bound>>20, made>>20)
				if o := outcomes(t, reg, exporter); o["dropped"] == 0 || o["exported"] != 0 {
					t.Errorf("outcomes: %v", o)
				}
				if grown > 4*bound { // the queue, and what an exporter makes of a batch
					t.Errorf("%d MiB of %d are held", grown>>20, made>>20)
				}
			})
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAPageIsNoCollector: where a proxy sends whoever comes to its page for signing in, nothing was exported.
func TestAPageIsNoCollector(t *testing.T) {
	for _, exporter := range []string{"zipkin", "jaeger"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/page" {
				http.Redirect(w, r, "/page", http.StatusFound)
			}
		}))
		defer s.Close()
		reg := prometheus.NewRegistry()
		p := provider(t, reg, s.URL, exporter)
		_, span := p.TracerProvider().Tracer("x").Start(t.Context(), "x")
		span.End()
		_ = p.Shutdown(t.Context())
		if o := outcomes(t, reg, exporter); o["failed"] != 1 || o["exported"] != 0 {
			t.Errorf("%s: %v", exporter, o)
		}
	}
}
