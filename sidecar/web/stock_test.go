package web_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/debug/debugtest"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/trace/zipkin"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const benchRatio = .01

// rival is one of the handlers that are compared: bare, our whole chain, and the stock stack. Both of the latter have
// metrics, a trace at 1 % that goes to a collector, and the same verifier of the caller's token; the line of a request is
// off (a level decision), or written as JSON to nowhere.
type rival struct {
	name    string
	handler http.Handler
}

// answerOK says of what kind its answer is, as handlers do: whatever sets the first header of an answer costs net/http two
// maps.
func answerOK(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = kind
	_, _ = io.WriteString(w, `{"id":"7"}`)
}

var kind = []string{"application/json"}

// rivals and the token that both verify. Each span goes to the collector.
func rivals(tb testing.TB, collector string, written bool) (all []rival, token string) {
	tb.Helper()
	key, err := usertoken.NewKey()
	if err != nil {
		tb.Fatal(err)
	}
	token, err = usertoken.Sign(key, access.Principal{Subject: "u-1", Name: "ann", Grants: []access.Grant{{Role: access.Viewer}}}, time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	verifier := usertoken.New(usertoken.Settings{Keys: func(context.Context) (jose.JSONWebKeySet, error) { return usertoken.Public(key), nil }})
	bare := http.NewServeMux()
	bare.HandleFunc("GET /bench/{id}", answerOK)
	return []rival{{"bare", bare}, {"chain", ourChain(tb, collector, verifier, written)}, {"stock", stock(tb, collector, verifier, written)}}, token
}

func ourChain(tb testing.TB, collector string, verifier access.Verifier, written bool) http.Handler {
	reg := prometheus.NewRegistry()
	tracing, err := trace.New(tb.Context(), trace.Settings{Service: "bench", Exporters: []string{"zipkin"}, Endpoint: collector, Ratio: benchRatio, Registerer: reg})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = tracing.Shutdown(context.WithoutCancel(tb.Context())) })
	flows := debugtest.Flows(tb)
	least := "info"
	if written {
		least = "debug"
	}
	spec, err := level.ParseSpec(least)
	if err != nil {
		tb.Fatal(err)
	}
	logs, err := logging.New(logging.Settings{Service: "bench", Instance: "bench-1", Levels: level.NewTable(spec), Stderr: io.Discard, Registerer: reg, Flows: flows})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = logs.Close(context.WithoutCancel(tb.Context())) })
	a := web.New(web.Settings{Service: "bench", Registerer: reg, TracerProvider: tracing.TracerProvider(), Propagator: tracing.Propagator(),
		Logger: logs.Logger("http"), Verifier: verifier, Flows: flows, Failures: debug.NewFailures(debug.FailureSettings{}), Gate: func() error { return nil }})
	a.Handle("GET /bench/{id}", access.SignedIn(), http.HandlerFunc(answerOK))
	return a.Handler()
}

// stock is what a service would put together: promhttp's instrumentation, otelhttp, an access line by slog, a check of the
// token.
func stock(tb testing.TB, collector string, verifier access.Verifier, written bool) http.Handler {
	exporter, err := zipkin.New(collector + "/api/v2/spans")
	if err != nil {
		tb.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(benchRatio))), sdktrace.WithBatcher(exporter))
	tb.Cleanup(func() { _ = provider.Shutdown(context.WithoutCancel(tb.Context())) })
	least := slog.LevelInfo
	if written {
		least = slog.LevelDebug
	}
	mux := http.NewServeMux()
	mux.Handle("GET /bench/{id}", checked(verifier, http.HandlerFunc(answerOK)))
	lines := accessLines(slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: least})), mux)
	traced := otelhttp.NewHandler(lines, "bench", otelhttp.WithTracerProvider(provider), otelhttp.WithMeterProvider(metricnoop.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})))
	return instrumented(prometheus.NewRegistry(), traced)
}

// instrumented has the same metrics as ours: duration by method and status, requests under way, sizes of both bodies.
func instrumented(r prometheus.Registerer, h http.Handler) http.Handler {
	by := []string{"method", "code"}
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "duration_seconds", Buckets: prometheus.DefBuckets, NativeHistogramBucketFactor: 1.1}, by)
	asked := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "request_bytes", Buckets: prometheus.ExponentialBuckets(256, 8, 6), NativeHistogramBucketFactor: 1.1}, by)
	answered := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "response_bytes", Buckets: prometheus.ExponentialBuckets(256, 8, 6), NativeHistogramBucketFactor: 1.1}, by)
	active := prometheus.NewGauge(prometheus.GaugeOpts{Name: "active"})
	r.MustRegister(duration, asked, answered, active)
	h = promhttp.InstrumentHandlerResponseSize(answered, promhttp.InstrumentHandlerRequestSize(asked, h))
	return promhttp.InstrumentHandlerInFlight(active, promhttp.InstrumentHandlerDuration(duration, h))
}

type statusWriter struct {
	http.ResponseWriter
	status, bytes int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += n
	return n, err
}

func accessLines(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(base http.ResponseWriter, r *http.Request) {
		w, began := &statusWriter{ResponseWriter: base, status: 200}, time.Now()
		next.ServeHTTP(w, r)
		if !log.Enabled(r.Context(), slog.LevelDebug) {
			return
		}
		log.LogAttrs(r.Context(), slog.LevelDebug, "request handled", slog.String("method", r.Method), slog.String("route", r.Pattern),
			slog.String("path", r.URL.Path), slog.Int("status", w.status), slog.Float64("duration_ms", float64(time.Since(began).Microseconds())/1000), slog.Int("bytes", w.bytes))
	})
}

type callerKey struct{}

func checked(v access.Verifier, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "a token is needed", http.StatusUnauthorized)
			return
		}
		p, err := v.Verify(r.Context(), token)
		if err != nil {
			http.Error(w, "the token does not hold", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, p)))
	})
}
