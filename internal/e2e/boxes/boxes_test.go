// Package boxes proves the black box from end to end, in one process: switched on by a lease through the gateway, for one service.
package boxes

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const (
	limit  = 30 * time.Second // generous: two cores are shared by everything
	leases = "/api/maintenance/v1/leases"
)

// TestABlackBoxByLease: while the lease holds, what a service has kept of a request that fails arrives, marked, and nothing of one
// that goes well; before it and after it nothing does.
func TestABlackBoxByLease(t *testing.T) {
	t.Parallel()
	m := meshtest.New(t, []string{"view_service", "maintenance"}, "gateway", "catalogs", "view-service")
	parts.View(t, m, "view-service-1")
	catalogs := m.Small("catalogs", "catalogs-1", "")
	log := catalogs.Logger("work")
	serve := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			log.DebugContext(r.Context(), "looked at the request")
			if status >= 500 {
				problem.Write(w, r, problem.New(problem.Internal, "broken"))
				return
			}
			w.WriteHeader(status)
		}
	}
	catalogs.Mount("GET /api/catalogs/v1/well", access.SignedIn(), serve(http.StatusNoContent))
	catalogs.Mount("GET /api/catalogs/v1/ill", access.SignedIn(), serve(http.StatusInternalServerError))
	m.Run("catalogs", catalogs)
	gateway := parts.Gateway(t, m)
	call := func(method, path, body string) meshtest.Answer {
		return m.Call(gateway.PublicAddr(), "anna=operator", method, path, body)
	}
	wait.For(t, limit, "the mesh", func() bool {
		return call("GET", "/api/catalogs/v1/well", "").Status == 204 && call("GET", leases, "").Status == 200
	})
	lines := func(trace string) (all []string) {
		for _, line := range m.Log.Lines(trace) {
			if strings.Contains(line, "looked at the request") {
				all = append(all, line)
			}
		}
		return all
	}
	before := call("GET", "/api/catalogs/v1/ill", "").Header.Get("X-Trace-Id")

	var set struct {
		Lease             struct{ ID string }
		Applied, Expected int
	}
	wait.For(t, limit, "the lease on all", func() bool {
		a := call("POST", leases, `{"kind":"blackbox","service":"catalogs","value":{"share":1},"ttl":"5m","reason":"a request fails now and then"}`)
		if a.Status != http.StatusCreated || json.Unmarshal(a.Body, &set) != nil {
			return false
		}
		if set.Applied == 1 && set.Expected == 1 {
			return true
		}
		call("DELETE", leases+"/"+set.Lease.ID, "") // or it would take it with its next heartbeat, and hold it to the end
		return false
	})
	well := call("GET", "/api/catalogs/v1/well", "").Header.Get("X-Trace-Id")
	ill := call("GET", "/api/catalogs/v1/ill", "").Header.Get("X-Trace-Id")
	wait.For(t, limit, "what was kept of the request that failed", func() bool { return len(lines(ill)) == 1 })
	if got := lines(ill)[0]; !strings.Contains(got, `"retroactive":true`) || !strings.Contains(got, "DEBUG") {
		t.Errorf("it is not marked: %s", got)
	}
	if a := call("DELETE", leases+"/"+set.Lease.ID, ""); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	after := call("GET", "/api/catalogs/v1/ill", "").Header.Get("X-Trace-Id")
	wait.For(t, limit, "the last request's own line", func() bool { return len(m.Log.Lines(after)) > 0 })
	for what, trace := range map[string]string{"before the lease": before, "of what went well": well, "after the lease": after} {
		if got := lines(trace); len(got) != 0 {
			t.Errorf("%s: %s", what, got)
		}
	}
}
