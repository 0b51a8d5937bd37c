package mesh_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// outcome is what one call of a kind is to the edge.
type outcome struct {
	call   func(ctx context.Context, m *mesh.Mesh) // whose own result is no matter here
	policy string
	fault  string
	calls  uint64
	errors uint64
	hits   int64 // of the destination
}

// TestTheEdgeTellsTheTruth: each call is counted once, however often it was tried, and as a failure where it is the destination's or
// there was no answer; who gave his call up, and what was refused here, is none of its.
func TestTheEdgeTellsTheTruth(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	var hits atomic.Int64
	arrived := make(chan struct{}, 1)
	byHTTP := web(t, func(w http.ResponseWriter, r *http.Request) {
		n := hits.Add(1)
		switch r.URL.Path {
		case "/404":
			w.WriteHeader(http.StatusNotFound)
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/once":
			if n == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/half":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		case "/stall":
			select {
			case arrived <- struct{}{}:
			default:
			}
			<-r.Context().Done()
		}
	})
	byGRPC := func(handle func(context.Context) error) peers.Peer {
		return peers.Peer{RPC: []string{w.things(t, "catalogs", func(ctx context.Context) error { hits.Add(1); return handle(ctx) })}}
	}
	fails := func(code problem.Code) func(context.Context) error {
		return func(context.Context) error { return problem.New(code, "no") }
	}
	ask := func(method, path string) func(context.Context, *mesh.Mesh) {
		return func(ctx context.Context, m *mesh.Mesh) { _, _, _ = send(ctx, m, method, path, nil) }
	}
	givenUp := func(call func(context.Context, *mesh.Mesh)) func(context.Context, *mesh.Mesh) {
		return func(ctx context.Context, m *mesh.Mesh) {
			ctx, cancel := context.WithCancel(ctx)
			go func() { <-arrived; cancel() }()
			call(ctx, m)
		}
	}
	grpcRead := func(ctx context.Context, m *mesh.Mesh) {
		_ = invoke(ctx, t, m, "catalogs", read, grpc.WaitForReady(true))
	}
	stall := func(ctx context.Context) error {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err() // its own time may be up first
	}
	const once, short = `{"retries":0}`, `{"timeout_ms":150,"retries":0}`
	for name, c := range map[string]struct {
		outcome
		peer peers.Peer // none: the one by HTTP
	}{
		"http, fine":                      {outcome: outcome{call: ask("GET", "/"), calls: 1, hits: 1}},
		"http, not found":                 {outcome: outcome{call: ask("GET", "/404"), calls: 1, hits: 1}},
		"http, an error":                  {outcome: outcome{call: ask("GET", "/500"), calls: 1, errors: 1, hits: 1}},
		"http, tried twice":               {outcome: outcome{call: ask("GET", "/503"), calls: 1, errors: 1, hits: 2}},
		"http, the second try is fine":    {outcome: outcome{call: ask("GET", "/once"), calls: 1, hits: 2}},
		"http, reset":                     {outcome: outcome{call: ask("POST", "/reset"), calls: 1, errors: 1, hits: 1}},
		"http, half an answer":            {outcome: outcome{call: ask("GET", "/half"), policy: once, calls: 1, errors: 1, hits: 1}},
		"http, too late":                  {outcome: outcome{call: ask("GET", "/stall"), policy: short, calls: 1, errors: 1, hits: 1}},
		"http, given up":                  {outcome: outcome{call: givenUp(ask("GET", "/stall")), calls: 1, hits: 1}},
		"http, an injected fault":         {outcome: outcome{call: ask("GET", "/"), policy: once, fault: `{"share":1,"status":503}`, calls: 1, errors: 1}},
		"http, late by an injected delay": {outcome: outcome{call: ask("GET", "/"), policy: once, fault: `{"share":1,"delay_ms":5}`, calls: 1, hits: 1}},
		"http, nobody":                    {outcome{call: ask("GET", "/"), calls: 1, errors: 1}, peers.Peer{HTTP: []string{nobody(t)}}},
		"grpc, fine":                      {outcome{call: grpcRead, calls: 1, hits: 1}, byGRPC(fine)},
		"grpc, not found":                 {outcome{call: grpcRead, calls: 1, hits: 1}, byGRPC(fails(problem.NotFound))},
		"grpc, an error":                  {outcome{call: grpcRead, calls: 1, errors: 1, hits: 1}, byGRPC(fails(problem.Internal))},
		"grpc, tried twice":               {outcome{call: grpcRead, calls: 1, errors: 1, hits: 2}, byGRPC(fails(problem.Unavailable))},
		"grpc, too late":                  {outcome{call: grpcRead, policy: short, calls: 1, errors: 1, hits: 1}, byGRPC(stall)},
		"grpc, given up":                  {outcome{call: givenUp(grpcRead), calls: 1, hits: 1}, byGRPC(stall)},
		"grpc, an injected fault":         {outcome{call: grpcRead, policy: once, fault: `{"share":1,"code":"UNAVAILABLE"}`, calls: 1, errors: 1}, byGRPC(fine)},
		"grpc, nobody": {outcome{call: func(ctx context.Context, m *mesh.Mesh) { _ = invoke(ctx, t, m, "catalogs", read) }, calls: 1, errors: 1},
			peers.Peer{RPC: []string{nobody(t)}}},
	} {
		t.Run(name, func(t *testing.T) {
			hits.Store(0)
			select {
			case <-arrived: // of the one before
			default:
			}
			peer, protocol := c.peer, "http_client_request_duration_seconds"
			if len(peer.HTTP)+len(peer.RPC) == 0 {
				peer.HTTP = []string{byHTTP}
			}
			if strings.HasPrefix(name, "grpc") {
				protocol = "rpc_client_call_duration_seconds"
			}
			r := prometheus.NewRegistry()
			var edges *telemetry.Edges
			m := w.calls(t, "gateway", peers.Static{"catalogs": peer}, watched(r), func(s *mesh.Settings) { edges = s.Edges })
			if c.policy != "" {
				put(t, m.Policies(), c.policy)
			}
			if c.fault != "" {
				put(t, m.Faults(), c.fault)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			c.call(ctx, m)
			all := edges.All()
			if len(all) != 1 || total(all[0]) != c.calls || all[0].Errors != c.errors || hits.Load() != c.hits {
				t.Errorf("%d calls arrived, want %d; the edge has %+v, want %d with %d errors", hits.Load(), c.hits, all, c.calls, c.errors)
			}
			if n := value(t, r, protocol, "catalogs"); n != float64(c.calls) {
				t.Errorf("%s has %v", protocol, n)
			}
			if n := value(t, r, "signalbox_edge_errors_total", "gateway", "catalogs"); n != float64(c.errors) {
				t.Errorf("the metric has %v errors", n)
			}
		})
	}
}
