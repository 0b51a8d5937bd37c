package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// web is a replica's public port.
func web(t testing.TB, h http.HandlerFunc) (addr string) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.Listener.Addr().String()
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, text+string(body))
	}
}

func catalogs(addresses ...string) peers.Static {
	return peers.Static{"catalogs": {HTTP: addresses}}
}

func get(ctx context.Context, m *mesh.Mesh, path string) (status int, text string, err error) {
	return send(ctx, m, "GET", path, nil)
}

// ask is a GET of another service's root.
func ask(ctx context.Context, m *mesh.Mesh, service string) (status int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+service+"/", nil)
	if err != nil {
		return 0, "", err
	}
	return do(m.HTTP(service), r)
}

func send(ctx context.Context, m *mesh.Mesh, method, path string, body io.Reader, header ...string) (status int, text string, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://catalogs"+path, body)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(m.HTTP("catalogs"), r)
}

func do(c *http.Client, r *http.Request) (status int, text string, err error) {
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

// watched has the edges and metrics of a mesh read.
func watched(r *prometheus.Registry) func(*mesh.Settings) {
	return func(s *mesh.Settings) { s.Registerer, s.Edges = r, telemetry.NewEdges(r, s.Service) }
}

// value is the sum of a metric's series whose labels have these values; a histogram's count.
func value(t testing.TB, r *prometheus.Registry, name string, labels ...string) (sum float64) {
	t.Helper()
	all, err := r.Gather()
	check(t, err)
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := map[string]bool{}
			for _, l := range m.GetLabel() {
				has[l.GetValue()] = true
			}
			fits := true
			for _, l := range labels {
				fits = fits && has[l]
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func TestWhatACallByHTTPCarries(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var got http.Header
	var host string
	addr := web(t, func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header.Clone(), r.Host })
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", catalogs(addr), watched(r), func(s *mesh.Settings) { s.TracerProvider = provider })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, span := provider.Tracer("t").Start(ctx, "handler")
	given := http.Header{"X-Own": {"1"}}
	req, err := http.NewRequestWithContext(ctx, "GET", "http://catalogs/v1/types?a=b", nil)
	check(t, err)
	req.Header = given
	resp, err := m.HTTP("catalogs").Do(req)
	check(t, err)
	check(t, resp.Body.Close())
	span.End()
	if caller, err := w.bundle.Verify(got.Get(hop.Token), "catalogs"); err != nil || caller != "gateway" {
		t.Errorf("token of %q: %v", caller, err)
	}
	if left, err := strconv.Atoi(got.Get(hop.Timeout)); err != nil || left < 30_000 || left > 60_000 {
		t.Errorf("%s: %q", hop.Timeout, got.Get(hop.Timeout))
	}
	if host != "catalogs" || got.Get("X-Own") != "1" || got.Get(hop.Attempt) != "" || len(given) != 1 {
		t.Errorf("host %q, %v; the caller's own: %v", host, got, given)
	}
	spans := exporter.GetSpans()
	if len(spans) != 2 || spans[0].Name != "GET" || spans[0].Parent.SpanID() != span.SpanContext().SpanID() || !strings.Contains(got.Get("Traceparent"), spans[0].SpanContext.SpanID().String()) {
		t.Errorf("spans %v; traceparent %s", spans, got.Get("Traceparent"))
	}
	if n := value(t, r, "http_client_request_duration_seconds", "GET", "200", "catalogs"); n != 1 {
		t.Errorf("%v calls in the metric", n)
	}
	if n := value(t, r, "signalbox_edge_duration_seconds", "gateway", "catalogs", "http"); n != 1 {
		t.Errorf("%v calls on the edge", n)
	}
	unsampled := trace.ContextWithSpanContext(t.Context(), span.SpanContext().WithTraceFlags(0))
	_, _, err = get(unsampled, m, "/")
	check(t, err)
	if !strings.Contains(got.Get("Traceparent"), span.SpanContext().SpanID().String()) || len(exporter.GetSpans()) != 2 {
		t.Errorf("unsampled: %s, %d spans", got.Get("Traceparent"), len(exporter.GetSpans()))
	}
}

func TestNothingLeavesTheMesh(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var outside atomic.Int64
	stranger := web(t, func(http.ResponseWriter, *http.Request) { outside.Add(1) })
	addr := web(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/out":
			http.Redirect(w, r, "http://"+stranger+"/", http.StatusFound)
		case "/in":
			http.Redirect(w, r, "/there", http.StatusFound)
		}
	})
	m := w.calls(t, "gateway", peers.Static{"catalogs": {HTTP: []string{addr}}, "identity": {HTTP: []string{stranger}}})
	for path, want := range map[string]int{"/out": http.StatusFound, "/in": http.StatusOK} {
		if status, _, err := get(t.Context(), m, path); err != nil || status != want {
			t.Errorf("%s: %d, %v", path, status, err)
		}
	}
	for _, url := range []string{"http://" + stranger + "/", "http://identity/", "https://catalogs/", "http://catalogs.evil.example/"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		check(t, err)
		if resp, err := m.HTTP("catalogs").Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s was sent", url)
		}
	}
	if outside.Load() != 0 {
		t.Errorf("%d requests went elsewhere", outside.Load())
	}
}

func TestReplicasAreFoundAndTakeTurns(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var book peers.Book
	book.Set("catalogs", peers.Peer{HTTP: []string{web(t, says("a")), web(t, says("b"))}})
	m := w.calls(t, "gateway", &book)
	seen := map[string]int{}
	count := func(n int) {
		for range n {
			_, text, err := get(t.Context(), m, "/")
			check(t, err)
			seen[text]++
		}
	}
	if count(20); seen["a"] < 5 || seen["b"] < 5 {
		t.Errorf("%v", seen)
	}
	book.Set("catalogs", peers.Peer{HTTP: []string{web(t, says("c"))}})
	if count(5); seen["c"] != 5 {
		t.Errorf("%v: the change is not seen", seen)
	}
}

// TestTheLessBusyReplicaIsTaken: while one stalls with a call, the other has all that follow.
func TestTheLessBusyReplicaIsTaken(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	free, stalled := make(chan struct{}), make(chan struct{}, 100)
	slow := web(t, func(http.ResponseWriter, *http.Request) { stalled <- struct{}{}; <-free })
	m := w.calls(t, "gateway", catalogs(slow, web(t, says("fast"))))
	done := make(chan error, 2)
	for range 2 { // in turn
		go func() { _, _, err := get(t.Context(), m, "/"); done <- err }()
	}
	<-stalled
	check(t, <-done)
	for range 100 {
		if _, text, err := get(t.Context(), m, "/"); err != nil || text != "fast" {
			t.Fatalf("%q, %v", text, err)
		}
	}
	close(free)
	check(t, <-done)
}

func TestRefusedIsSentElsewhere(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", catalogs(nobody(t), web(t, says("b "))), watched(r))
	for range 20 { // nothing was sent: any method, and any body
		status, text, err := send(t.Context(), m, "POST", "/", io.MultiReader(strings.NewReader("body")))
		if err != nil || status != 200 || text != "b body" {
			t.Fatalf("%d %q, %v", status, text, err)
		}
	}
	if n := value(t, r, "signalbox_edge_errors_total"); n != 0 {
		t.Errorf("%v errors on the edge", n)
	}
	alone := w.calls(t, "gateway", catalogs(nobody(t)))
	for range 50 {
		if _, _, err := get(t.Context(), alone, "/"); err == nil || errors.Is(err, mesh.ErrOpen) {
			t.Fatalf("nobody there: %v", err)
		}
	}
	if _, _, err := get(t.Context(), w.calls(t, "gateway", catalogs()), "/"); err == nil {
		t.Error("answered where there is no address")
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var hits atomic.Int64
	addr := web(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/marked" {
			w.Header().Set(hop.Retry, hop.No)
		}
		if hits.Add(1) == 1 || r.URL.Path == "/always" || r.URL.Path == "/marked" {
			status, _ := strconv.Atoi(r.URL.Query().Get("status"))
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(status)
			return
		}
		_, _ = fmt.Fprintf(w, "%s %s", body, r.Header.Get(hop.Attempt))
	})
	on := w.calls(t, "gateway", catalogs(addr))
	off := w.calls(t, "gateway", catalogs(addr), func(s *mesh.Settings) { s.Retries = false })
	for name, test := range map[string]struct {
		m            *mesh.Mesh
		method, path string
		header       []string
		hits         int64
	}{
		"safe, 503":             {on, "GET", "/?status=503", nil, 2},
		"safe, 500":             {on, "GET", "/?status=500", nil, 1},
		"not idempotent, 503":   {on, "POST", "/?status=503", nil, 1},
		"not idempotent, reset": {on, "POST", "/", nil, 1},
		"by its key, 503":       {on, "POST", "/?status=503", []string{"Idempotency-Key", "7"}, 2},
		"always 503":            {on, "GET", "/always?status=503", nil, 2},
		"tried further in":      {on, "GET", "/marked?status=503", nil, 1},
		"off":                   {off, "GET", "/?status=503", nil, 1},
	} {
		hits.Store(0)
		var body io.Reader
		if test.method == "POST" {
			body = strings.NewReader("body")
		}
		_, text, _ := send(t.Context(), test.m, test.method, test.path, body, test.header...)
		if hits.Load() != test.hits {
			t.Errorf("%s: %d tries, want %d", name, hits.Load(), test.hits)
		}
		if name == "by its key, 503" && text != "body 2" {
			t.Errorf("%s: %q", name, text)
		}
	}
	hits.Store(0)
	ctx, cancel := hop.Enter(t.Context(), "", "2")
	defer cancel()
	if _, _, err := get(ctx, on, "/?status=503"); err != nil || hits.Load() != 1 || !hop.Spent(ctx) {
		t.Errorf("in a call that is tried again itself: %d tries, spent %v, %v", hits.Load(), hop.Spent(ctx), err)
	}
}

// What one call leaves is used by the next: of many at once each gets its own answer, sends its own headers alone, and is not
// disturbed by one that closes its answer twice, or reads on after its end.
func TestCallsDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "gateway", "catalogs")
	m := w.calls(t, "gateway", catalogs(web(t, func(rw http.ResponseWriter, r *http.Request) {
		var own []string
		for name := range r.Header {
			if strings.HasPrefix(name, "X-Of-") {
				own = append(own, name)
			}
		}
		_, _ = fmt.Fprint(rw, r.URL.Path, own, len(r.Header[hop.Token]))
	})))
	var all sync.WaitGroup
	for who := range 8 {
		all.Go(func() {
			for i := range 200 {
				path, name := fmt.Sprintf("/%d/%d", who, i), fmt.Sprintf("X-Of-%d-%d", who, i)
				r, err := http.NewRequestWithContext(t.Context(), "GET", "http://catalogs"+path, nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set(name, "1")
				resp, err := m.HTTP("catalogs").Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				text, err := io.ReadAll(resp.Body)
				if want := path + fmt.Sprint([]string{name}, 1); err != nil || string(text) != want {
					t.Errorf("%s: %v, want %s", text, err, want)
				}
				for range 2 {
					_ = resp.Body.Close()
					if n, _ := resp.Body.Read(make([]byte, 1)); n != 0 {
						t.Error("there is more after the end")
					}
				}
				if resp.Request.URL.Path != path || len(r.Header) != 1 {
					t.Errorf("%s has become %s, with %v", path, resp.Request.URL.Path, r.Header)
				}
			}
		})
	}
	all.Wait()
}
