package web_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/debug/debugtest"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// flowLog writes from INFO, and what a flow lets through.
type flowLog struct {
	slog.Handler
	flows *debug.Flows
}

func (l flowLog) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.flows.Lets(ctx, level, true)
}

// text is a buffer for several writers.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *text) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

func debugLease(value string) lease.Lease {
	return lease.Lease{ID: "l-1", Kind: lease.Debug, Value: value, Until: time.Now().Add(time.Minute)}
}

func TestOnlyTheMatchingRequestLogs(t *testing.T) {
	t.Parallel()
	flows, out := debugtest.Flows(t), &text{}
	log := slog.New(flowLog{slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug - 100}), flows})
	a := web.New(web.Settings{Logger: log, Flows: flows, Verifier: tokens{}, TracerProvider: sdktrace.NewTracerProvider()})
	a.Handle("GET /api/x/v1/things/{id}", access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.DebugContext(r.Context(), "in the handler")
		_, _ = io.WriteString(w, r.Header.Get(debug.Header)+debug.Token(r.Context()))
	}))
	a.Handle("GET /api/x/v1/admin", access.Has(access.Admin), http.NotFoundHandler())
	ask := func(path, token string, header ...string) (*httptest.ResponseRecorder, string) {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		for name := range w.Header() {
			if strings.Contains(strings.ToLower(name), "debug") {
				t.Errorf("the answer has %s", name)
			}
		}
		if flows.Active() {
			t.Error("the flow outlasts its request")
		}
		return w, out.take()
	}
	both := func(lines string) bool {
		return strings.Contains(lines, "in the handler") && strings.Contains(lines, "request handled")
	}
	things := "/api/x/v1/things/7"
	_, lines := ask(things, "bob")
	if lines != "" {
		t.Errorf("without a lease: %s", lines)
	}
	for value, c := range map[string]struct{ mine, other string }{
		`{"user":"u-bob"}`: {"bob", "ann"},
		`{"user":"u-bob","route":"GET /v1/things/{id}"}`:              {"bob", "ann"},
		`{"route":"/api/x/v1/things/{id}","user":"u-ann"}`:            {"ann", "bob"},
		`{"header":{"name":"X-Canary","value":"ann"}}`:                {"ann", "bob"},
		`{"trace":"0af7651916cd43dd8448eb211c80319c","user":"u-ann"}`: {"ann", "bob"},
	} {
		if refused := flows.Apply([]lease.Lease{debugLease(value)}); len(refused) > 0 {
			t.Fatal(refused)
		}
		extra := []string{"Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
		w, lines := ask(things, c.mine, append(extra, "X-Canary", c.mine)...)
		if !both(lines) {
			t.Errorf("%s: the request logs %q", value, lines)
		}
		if token := w.Body.String(); strings.Count(token, ".") != 2 {
			t.Errorf("%s: the handler's context has the token %q", value, token)
		}
		if _, lines := ask(things, c.other, append(extra, "X-Canary", c.other, "X-User-Id", "u-bob", "X-User", "u-bob")...); lines != "" {
			t.Errorf("%s: another's request logs %q", value, lines)
		}
	}
	flows.Apply([]lease.Lease{debugLease(`{"user":"u-bob"}`)})
	if w, lines := ask("/api/x/v1/admin", "bob"); w.Code != 403 || !strings.Contains(lines, "request handled") {
		t.Errorf("a refused request of the user: %d %s", w.Code, lines)
	}

	ctx, end := flows.Match(t.Context(), debug.Request{User: "u-bob"})
	token := debug.Token(ctx)
	end()
	w, lines := ask(things, "ann", debug.Header, token)
	if !both(lines) || w.Body.String() != token {
		t.Errorf("with a token: %q logs %s", w.Body, lines)
	}
	for _, wrong := range []string{token + "x", "x", strings.Repeat("x", 2000)} {
		if w, lines := ask(things, "ann", debug.Header, wrong); lines != "" || w.Code != 200 || w.Body.String() != "" {
			t.Errorf("with a token that does not hold: %d %q logs %s", w.Code, w.Body, lines)
		}
	}
	if _, lines := ask(things, "ann", debug.Header, token, debug.Header, token); lines != "" {
		t.Errorf("with two tokens it logs %s", lines)
	}
}

func TestFailuresAreReported(t *testing.T) {
	t.Parallel()
	kept := &debugtest.Box{}
	failures := debug.NewFailures(debug.FailureSettings{Box: kept})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = failures.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	var gate error
	a := web.New(web.Settings{Failures: failures, TracerProvider: sdktrace.NewTracerProvider(), Gate: func() error { return gate }})
	handle := func(pattern string, h http.HandlerFunc) { a.Handle("GET "+pattern, access.Public(), h) }
	handle("/good", func(http.ResponseWriter, *http.Request) {})
	handle("/bad/{id}", func(w http.ResponseWriter, r *http.Request) { problem.Write(w, r, io.ErrUnexpectedEOF) })
	handle("/gone", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, problem.New(problem.NotFound, "no such thing"))
	})
	handle("/panic", func(http.ResponseWriter, *http.Request) { panic("deep secret") })
	handle("/late", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		panic("in the middle of the answer")
	})
	handle("/stream", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") })
	ask := func(path string) {
		defer func() { _ = recover() }() // the server's own way to break an answer off
		a.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	for _, path := range []string{"/good", "/gone", "/nowhere"} {
		ask(path)
	}
	gate = problem.New(problem.Unavailable, "the database is not ready")
	ask("/good")
	gate = nil
	for _, path := range []string{"/bad/7?secret=1", "/panic", "/late"} {
		ask(path)
	}
	kept.Bound.Store(1) // whatever takes time is slow from now on
	for _, path := range []string{"/stream", "/good"} {
		ask(path)
	}
	want := "GET /bad/{id}: 500;GET /panic: 500;GET /late: 200;GET /good: 200: took "
	wait.For(t, 10*time.Second, "four failures", func() bool { return strings.Count(kept.Causes(), ";") >= 3 })
	if got := kept.Causes(); !strings.HasPrefix(got, want) || strings.Count(got, ";") != 3 {
		t.Errorf("reported %q, want %q", got, want)
	}
}

// TestTargetedDebugAllocatesNothing for requests while no lease holds.
func TestTargetedDebugAllocatesNothing(t *testing.T) {
	without, with := call(chain(nil)), call(chain(debugtest.Flows(t)))
	before, after := testing.AllocsPerRun(200, without), testing.AllocsPerRun(200, with)
	t.Logf("METRIC allocations_per_request=%.0f limit=%.0f", after, before)
	if after > before {
		t.Errorf("%v allocations, %v without targeted debugging", after, before)
	}
}

// chain is the whole of a signed-in request.
func chain(flows *debug.Flows) http.Handler {
	s := web.Settings{Registerer: prometheus.NewRegistry(), TracerProvider: sdktrace.NewTracerProvider(), Verifier: tokens{}, Flows: flows,
		Logger: slog.New(flowLog{slog.NewJSONHandler(io.Discard, nil), flows})}
	if flows != nil {
		s.Failures = debug.NewFailures(debug.FailureSettings{})
	}
	a := web.New(s)
	a.Handle("GET /bench/{id}", access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	return a.Handler()
}

func call(h http.Handler) func() {
	r := httptest.NewRequest("GET", "/bench/7", nil)
	r.Header.Set("Authorization", "Bearer bob")
	return func() { h.ServeHTTP(httptest.NewRecorder(), r) }
}

// BenchmarkTargetedDebug is the price of targeted debugging for requests that it is not about: the chain without it
// against the chain with it, in the same run.
func BenchmarkTargetedDebug(b *testing.B) {
	without := call(chain(nil))
	for name, values := range map[string][]string{
		"no lease": nil, "another user's lease": {`{"user":"42"}`},
		"ten leases": {`{"user":"1"}`, `{"user":"2"}`, `{"user":"3"}`, `{"route":"/x"}`, `{"route":"GET /v1/x"}`, `{"tenant":"x"}`, `{"user":"7"}`, `{"user":"8"}`,
			`{"header":{"name":"X-Canary","value":"1"}}`, `{"trace":"0af7651916cd43dd8448eb211c80319c"}`},
	} {
		b.Run(name, func(b *testing.B) {
			flows := debugtest.Flows(b)
			var all []lease.Lease
			for i, value := range values {
				l := debugLease(value)
				l.ID = strings.Repeat("l", i+1)
				all = append(all, l)
			}
			if refused := flows.Apply(all); len(refused) > 0 {
				b.Fatal(refused)
			}
			compare(b, without, call(chain(flows)))
		})
	}
}
