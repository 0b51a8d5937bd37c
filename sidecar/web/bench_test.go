package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// BenchmarkMiddleware is the price of the whole chain (span, metrics, log decision, access rule) on a
// handler that does next to nothing, against that handler bare in the same run: over a connection,
// which is what a caller sees, and in memory, which is what the chain costs.
func BenchmarkMiddleware(b *testing.B) {
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	a := web.New(web.Settings{
		Registerer:     prometheus.NewRegistry(),
		TracerProvider: sdktrace.NewTracerProvider(),
		Logger:         slog.New(slog.NewJSONHandler(io.Discard, nil)), // INFO: the line is not made
	})
	a.Handle("GET /bench/{id}", access.Public(), bare)
	mux := http.NewServeMux()
	mux.Handle("GET /bench/{id}", bare)
	b.Run("memory", func(b *testing.B) { compare(b, inMemory(mux), inMemory(a.Handler())) })
	b.Run("connection", func(b *testing.B) { compare(b, overWire(b, mux), overWire(b, a.Handler())) })
}

// compare runs both in turns, so that the machine's mood hits them alike.
func compare(b *testing.B, bare, chain func()) {
	var tBare, tChain time.Duration
	const turn = 64
	n := 0
	for b.Loop() {
		tBare += timed(turn, bare)
		tChain += timed(turn, chain)
		n += turn
	}
	b.ReportMetric(0, "ns/op") // of a turn of both: means nothing
	b.ReportMetric(float64(tBare.Nanoseconds())/float64(n), "bare-ns/req")
	b.ReportMetric(float64(tChain.Nanoseconds())/float64(n), "chain-ns/req")
	b.ReportMetric(float64((tChain-tBare).Nanoseconds())/float64(n), "overhead-ns/req")
	b.ReportMetric(float64(tChain)/float64(tBare), "ratio")
}

func timed(n int, f func()) time.Duration {
	began := time.Now()
	for range n {
		f()
	}
	return time.Since(began)
}

func inMemory(h http.Handler) func() {
	r := httptest.NewRequest("GET", "/bench/7", nil)
	return func() { h.ServeHTTP(httptest.NewRecorder(), r) }
}

func overWire(b *testing.B, h http.Handler) func() {
	srv := httptest.NewServer(h)
	b.Cleanup(srv.Close)
	client, url := srv.Client(), srv.URL+"/bench/7"
	return func() {
		resp, err := client.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}
