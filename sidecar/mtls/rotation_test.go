package mtls_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
)

// TestRotationUnderLoad: certificates and then the CA are replaced while callers come, each call over a connection of its
// own; none fails. The order is the one that docs/identity-of-calls.md tells.
func TestRotationUnderLoad(t *testing.T) {
	first, second, w := newCA(t), newCA(t), newWorld(t, "catalogs", "view-service")
	server := newEnd(t, first, "view-service", devca.Service("view-service"))
	caller := newEnd(t, first, "catalogs", devca.Service("catalogs"))
	addr := w.serve(t, server)
	var calls, failed atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := w.call("catalogs", caller, addr); err != nil {
					failed.Add(1)
					t.Error(err)
				}
				calls.Add(1)
			}
		})
	}
	ends := []end{server, caller}
	reissue := func(ca *devca.CA) {
		issue(t, ca, server.files, devca.Service("view-service"))
		issue(t, ca, caller.files, devca.Service("catalogs"))
	}
	believe := func(text []byte) {
		for _, e := range ends {
			replace(t, e.files.CA, text)
		}
	}
	for name, step := range []func(){
		func() { reissue(first) },
		func() { believe(append(append([]byte{}, first.PEM()...), second.PEM()...)) },
		func() { reissue(second) },
		func() { believe(second.PEM()) },
	} {
		before := []float64{server.count(t, "signalbox_tls_reloads_total", "taken"), caller.count(t, "signalbox_tls_reloads_total", "taken")}
		step()
		for i, e := range ends {
			wait.For(t, limit, "both ends to take it", func() bool {
				return e.Err() == nil && e.count(t, "signalbox_tls_reloads_total", "taken") > before[i]
			})
		}
		n := calls.Load()
		wait.For(t, limit, "calls after it", func() bool { return calls.Load() > n+6 })
		t.Logf("step %d: %d calls until now", name+1, calls.Load())
	}
	close(stop)
	callers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d calls failed", failed.Load(), calls.Load())
	}
	for _, e := range ends {
		if n := e.count(t, "signalbox_tls_refused_total"); n != 0 {
			t.Errorf("%v refused", n)
		}
	}
}
