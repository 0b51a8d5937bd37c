package mesh_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// quick opens after ten calls, for as short as is possible.
const quick = `{"retries":0,"breaker":{"calls":10,"open_ms":100}}`

func put(t testing.TB, e lease.Effect, values ...string) {
	t.Helper()
	var all []lease.Lease
	for i, v := range values {
		all = append(all, lease.Lease{ID: "lease-" + string(rune('a'+i)), Value: v})
	}
	if refused := e.Apply(all); len(refused) != 0 {
		t.Fatal(refused)
	}
}

func TestABreakerOpensAndCloses(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var broken atomic.Bool
	var hits atomic.Int64
	broken.Store(true)
	addr := web(t, func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	r := prometheus.NewRegistry()
	var edges *telemetry.Edges
	var lines strings.Builder
	m := w.calls(t, "gateway", catalogs(addr), watched(r), func(s *mesh.Settings) {
		edges, s.Logger = s.Edges, slog.New(slog.NewTextHandler(&lines, nil))
	})
	put(t, m.Policies(), `{"destination":"catalogs","retries":0,"breaker":{"calls":10,"open_ms":60000}}`)
	for range 10 {
		_, _, err := get(t.Context(), m, "/")
		check(t, err)
	}
	for range 5 {
		_, _, err := get(t.Context(), m, "/")
		if !errors.Is(err, mesh.ErrOpen) || problem.CodeOf(err) != problem.Unavailable {
			t.Fatalf("behind an open breaker: %v", err)
		}
	}
	if err := m.Open(); err == nil || !strings.Contains(err.Error(), "catalogs (http)") {
		t.Errorf("open: %v", err)
	}
	open := edges.All()
	if hits.Load() != 10 || len(open) != 1 || !open[0].Open || open[0].Errors != 10 || total(open[0]) != 10 {
		t.Errorf("%d calls arrived; %+v", hits.Load(), open)
	}
	if n := value(t, r, "signalbox_mesh_breaker_refused_total"); n != 5 {
		t.Errorf("%v refused", n)
	}
	broken.Store(false)
	put(t, m.Policies(), quick) // other limits: it begins anew
	if err := m.Open(); err != nil || edges.All()[0].Open {
		t.Errorf("after a change: %v", err)
	}
	broken.Store(true)
	for range 10 {
		_, _, err := get(t.Context(), m, "/")
		check(t, err)
	}
	if m.Open() == nil {
		t.Error("it does not open again")
	}
	wait.For(t, 20*time.Second, "probes while nobody calls", func() bool { return m.Open() == nil })
	if n := value(t, r, "signalbox_mesh_breaker_state", "catalogs", "http"); n != 2 {
		t.Errorf("state %v, want half-open", n)
	}
	broken.Store(false)
	wait.For(t, 20*time.Second, "it closes", func() bool {
		_, _, _ = get(t.Context(), m, "/")
		return value(t, r, "signalbox_mesh_breaker_state", "catalogs", "http") == 0
	})
	if text := lines.String(); !strings.Contains(text, "circuit breaker is open") || !strings.Contains(text, "closed again") || strings.Count(text, "\n") > 8 {
		t.Errorf("the log: %s", text)
	}
}

func total(e telemetry.EdgeCounts) (n uint64) {
	for _, c := range e.Classes {
		n += c
	}
	return n
}

// TestTelemetryPassesAnOpenBreaker: what carries leases and log records is not what the breaker is about.
func TestTelemetryPassesAnOpenBreaker(t *testing.T) {
	w := newWorld(t, "gateway", "identity")
	addr := w.serve(t, "identity", func(context.Context) error { return problem.New(problem.Unavailable, "broken") })
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{addr}}}, watched(r))
	put(t, m.Policies(), `{"breaker":{"calls":10,"open_ms":60000}}`)
	put(t, m.Faults(), `{"share":1,"delay_ms":1}`)
	conn, err := m.RPC("identity")
	check(t, err)
	for range 10 {
		if err := call(conn); status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), "breaker") {
			t.Fatal(err)
		}
	}
	if err := call(conn); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "breaker") {
		t.Errorf("behind an open breaker: %v", err)
	}
	before := value(t, r, "signalbox_mesh_faults_injected_total")
	if _, err := fleetv1.NewFleetServiceClient(conn).Sync(t.Context(), &fleetv1.SyncRequest{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("telemetry does not arrive: %v", err)
	}
	if n := value(t, r, "signalbox_mesh_faults_injected_total"); n != before || n != 10 {
		t.Errorf("%v faults, %v before telemetry", n, before)
	}
}

// TestACallThatHadNoTimeSaysNothing: a caller in a hurry opens no breaker for all others.
func TestACallThatHadNoTimeSaysNothing(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	addr := web(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	m := w.calls(t, "gateway", catalogs(addr))
	put(t, m.Policies(), quick)
	for range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Millisecond)
		_, _, err := get(ctx, m, "/")
		cancel()
		if errors.Is(err, mesh.ErrOpen) || err == nil {
			t.Fatalf("got %v", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 30 {
		_, _, _ = get(gone, m, "/")
	}
	if err := m.Open(); err != nil {
		t.Error(err)
	}
}

// TestAProbeThatSaysNothingIsNone: who gives up his call in time, or cannot be told why, keeps no breaker open for others.
func TestAProbeThatSaysNothingIsNone(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	arrived := make(chan struct{}, 1)
	m := w.calls(t, "gateway", catalogs(web(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/slow":
			arrived <- struct{}{}
			<-r.Context().Done()
		}
	})))
	put(t, m.Policies(), `{"retries":0,"breaker":{"calls":10,"open_ms":1000}}`)
	for range 10 {
		_, _, err := get(t.Context(), m, "/broken")
		check(t, err)
	}
	if m.Open() == nil {
		t.Fatal("it is not open")
	}
	wait.For(t, 20*time.Second, "probes", func() bool { return m.Open() == nil })
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { _, _, err := get(ctx, m, "/slow"); done <- err }()
		select {
		case <-arrived:
			cancel()
		case err := <-done:
			cancel()
			t.Fatalf("no probe is let through: %v", err)
		}
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatalf("a probe that is given up: %v", err)
		}
	}
	for range 3 {
		if _, _, err := get(t.Context(), m, "/"); err != nil {
			t.Fatalf("after probes that were given up: %v", err)
		}
	}
	if _, _, err := get(t.Context(), m, "/broken"); err != nil || m.Open() != nil {
		t.Errorf("closed again: %v, %v", err, m.Open())
	}
}
