package mesh_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	sidecarweb "github.com/signalbox-mesh/signalbox/sidecar/web"
)

// chain is gateway → scheduler → identity → catalogs, each with clients of its own; catalogs is at addr. Every one of the
// three would try again by itself, and without a bound.
func chain(t *testing.T, w world, addr string, rules ...string) (first *mesh.Mesh, book *peers.Book) {
	t.Helper()
	book = &peers.Book{}
	book.Set("catalogs", peers.Peer{HTTP: []string{addr}})
	pass := func(service, to string) {
		m := w.calls(t, service, book)
		put(t, m.Policies(), rules...)
		api := sidecarweb.New(sidecarweb.Settings{Service: service, Registerer: prometheus.NewRegistry()})
		api.Handle("GET /", access.Public(), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			req, err := http.NewRequestWithContext(r.Context(), "GET", "http://"+to+"/", nil)
			if err == nil {
				var resp *http.Response
				if resp, err = m.HTTP(to).Do(req); err == nil {
					resp.Body.Close()
					if resp.StatusCode < 500 {
						rw.WriteHeader(resp.StatusCode)
						return
					}
				}
			}
			problem.Write(rw, r, problem.Wrap(problem.Unavailable, "what is needed is away", err))
		}))
		book.Set(service, peers.Peer{HTTP: []string{web(t, api.Handler().ServeHTTP)}})
	}
	pass("identity", "catalogs")
	pass("scheduler", "identity")
	first = w.calls(t, "gateway", book)
	put(t, first.Policies(), rules...)
	return first, book
}

// TestThreeHopsDoNotMultiplyTheirRetries: a leaf that fails is called 1.2 times for each call at most, though each of three
// hops tries again.
func TestThreeHopsDoNotMultiplyTheirRetries(t *testing.T) {
	const calls = 500
	w := newWorld(t, "gateway", "scheduler", "identity", "catalogs")
	for name, rules := range map[string][]string{
		"by default":                 {`{"breaker":{"calls":10000}}`},
		"with a budget that is none": {`{"breaker":{"calls":10000},"retry_budget":1,"retries":1}`},
	} {
		var hits atomic.Int64
		leaf := web(t, func(w http.ResponseWriter, _ *http.Request) {
			hits.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		first, _ := chain(t, w, leaf, rules...)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range calls / 10 {
					status, _, err := ask(t.Context(), first, "scheduler")
					if err != nil || status != http.StatusServiceUnavailable {
						t.Errorf("%d, %v", status, err)
					}
				}
			})
		}
		all.Wait()
		amplified := float64(hits.Load()) / calls
		t.Logf("METRIC retry_amplification_three_hops{%s}=%.3f limit=1.2", name, amplified)
		limit := 1.2
		if name != "by default" {
			limit = 2 // one hop tries again, and not each
		}
		if amplified > limit {
			t.Errorf("%s: the leaf was called %.2f times for each call", name, amplified)
		}
	}
}

// TestTheTimeThatIsLeftIsHandedOn over two hops by HTTP.
func TestTheTimeThatIsLeftIsHandedOn(t *testing.T) {
	w := newWorld(t, "gateway", "scheduler", "identity", "catalogs")
	left := make(chan string, 1)
	leaf := web(t, func(_ http.ResponseWriter, r *http.Request) { left <- r.Header.Get(hop.Timeout) })
	first, _ := chain(t, w, leaf)
	put(t, first.Policies(), `{"timeout_ms":5000}`)
	_, _, err := ask(t.Context(), first, "scheduler")
	check(t, err)
	if text := <-left; len(text) != 4 || text[0] < '1' || text[0] > '4' {
		t.Errorf("%s ms are left of 5000", text)
	}
}

// TestOverGRPCAFailureThatWasTriedAgainSaysSo, and a call that is tried again is marked.
func TestOverGRPCAFailureThatWasTriedAgainSaysSo(t *testing.T) {
	w := newWorld(t, "gateway", "identity")
	var marked atomic.Int64
	addr := w.serve(t, "identity", func(ctx context.Context) error {
		if hop.Again(ctx) {
			marked.Add(1)
		}
		hop.Spend(ctx)
		return problem.New(problem.Unavailable, "away")
	})
	conn, err := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{addr}}}).RPC("identity")
	check(t, err)
	var trailer metadata.MD
	if err := call(conn, grpc.Trailer(&trailer)); err == nil || len(trailer.Get(hop.Retry)) != 1 {
		t.Errorf("%v, trailer %v", err, trailer)
	}
	if marked.Load() != 0 {
		t.Error("a first try is marked")
	}
}
