package web_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// zipkins are the spans that a Zipkin collector was sent, by name.
type zipkins struct {
	mu  sync.Mutex
	all map[string]map[string]any
}

func (z *zipkins) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var some []map[string]any
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &some)
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, s := range some {
		z.all[s["name"].(string)] = s //nolint:forcetypeassert // Zipkin's own form
	}
	w.WriteHeader(http.StatusAccepted)
}

// Nothing is sampled here; what is exported all the same is what was asked for: the request of the debugged user, from its
// begin on, and what failed. Each answer tells its trace, sampled or not.
func TestWhatIsExportedThoughNotSampled(t *testing.T) {
	t.Parallel()
	sink := &zipkins{all: map[string]map[string]any{}}
	collector := httptest.NewServer(sink)
	defer collector.Close()
	flows := debug.NewFlows(debug.Settings{Began: func(ctx context.Context) { trace.Promote(ctx, trace.Debug) }})
	tracing, err := trace.New(t.Context(), trace.Settings{Service: "x", Exporters: []string{"zipkin"}, Endpoint: collector.URL, Debugged: flows.Holds})
	if err != nil {
		t.Fatal(err)
	}
	a := web.New(web.Settings{Flows: flows, Verifier: tokens{}, TracerProvider: tracing.TracerProvider(), Propagator: tracing.Propagator()})
	sent := propagation.MapCarrier{}
	a.Handle("GET /things/{id}", access.SignedIn(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		tracing.Propagator().Inject(r.Context(), sent)
	}))
	a.Handle("GET /bad/{id}", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, io.ErrUnexpectedEOF)
		tracing.Propagator().Inject(r.Context(), sent) // what is called after the error
	}))
	flows.Apply([]lease.Lease{debugLease(`{"user":"u-bob"}`)})
	const id, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	ask := func(path, user string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Traceparent", "00-"+id+"-"+caller+"-00")
		if user != "" {
			r.Header.Set("Authorization", "Bearer "+user)
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if got := w.Header().Get(web.TraceHeader); got != id {
			t.Errorf("%s: %s is %q", path, web.TraceHeader, got)
		}
		return w
	}
	flags := func() string { return sent["traceparent"][53:] }
	ask("/things/7", "ann")
	if flags() != "00" {
		t.Errorf("another's request sends on %s", sent)
	}
	var doc problem.Document
	if err := json.Unmarshal(ask("/things/7", "").Body.Bytes(), &doc); err != nil || doc.TraceID != id {
		t.Errorf("a refusal tells of trace %q: %v", doc.TraceID, err)
	}
	ask("/things/7", "bob")
	if flags() != "01" {
		t.Errorf("the debugged request sends on %s", sent)
	}
	ask("/bad/7", "")
	if flags() != "01" {
		t.Errorf("after the error it sends on %s", sent)
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	for name, mark := range map[string]string{"get /things/{id}": trace.KeyDebug, "get /bad/{id}": trace.KeyPartial} {
		s := sink.all[name]
		tags, _ := s["tags"].(map[string]any)
		if s["traceId"] != id || s["parentId"] != caller || tags[mark] != "true" || tags["http.route"] == "" {
			t.Errorf("%s: exported %v", name, s)
		}
	}
	if len(sink.all) != 2 {
		t.Errorf("exported: %v", sink.all)
	}
}
