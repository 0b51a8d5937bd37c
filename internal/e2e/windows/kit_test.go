// Package windows proves maintenance windows from end to end, in one process.
package windows

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const (
	limit  = 30 * time.Second // generous: two cores are shared by everything
	leases = "/api/maintenance/v1/leases"
	who    = "/api/catalogs/v1/who"
)

// mesh is the gateway, view-service, and two instances of a small service by the name of catalogs.
type mesh struct {
	*meshtest.Mesh
	t        *testing.T
	gateway  *gateway.Service
	catalogs []*sidecar.Sidecar
}

func newMesh(t *testing.T) *mesh {
	t.Helper()
	m := &mesh{Mesh: meshtest.New(t, []string{"view_service", "maintenance"}, "gateway", "catalogs", "view-service"), t: t}
	parts.View(t, m.Mesh, "view-service-1")
	for n := range 2 {
		s := m.Small("catalogs", fmt.Sprint("catalogs-", n+1), "")
		s.Mount("GET "+who, access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s.Instance()) }))
		m.catalogs = append(m.catalogs, s)
		m.Run("catalogs", s)
	}
	m.gateway = parts.Gateway(t, m.Mesh)
	m.ready()
	return m
}

func (m *mesh) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// ready waits until every instance acknowledges leases.
func (m *mesh) ready() {
	wait.For(m.t, limit, "the mesh", func() bool {
		if m.call("GET", who, "").Status != http.StatusOK || m.call("GET", leases, "").Status != http.StatusOK {
			return false
		}
		a := m.call("POST", leases, `{"kind":"level","logger":"nobody","value":"info","ttl":"1s","reason":"are you there"}`)
		var r struct{ Applied, Expected int }
		m.check(json.Unmarshal(a.Body, &r))
		return r.Applied == 4
	})
}

// call through the gateway, as an operator.
func (m *mesh) call(method, path, body string) meshtest.Answer {
	m.t.Helper()
	return m.Call(m.gateway.PublicAddr(), "anna=operator", method, path, body)
}

// get asks an instance itself.
func (m *mesh) get(address, path string) meshtest.Answer {
	m.t.Helper()
	return m.Call(address, "anna=operator", http.MethodGet, path, "")
}

// seen counts which instance answered n requests.
func (m *mesh) seen(n int) map[string]int {
	m.t.Helper()
	all := map[string]int{}
	for range n {
		a := m.call("GET", who, "")
		who := string(a.Body)
		if a.Status != http.StatusOK {
			who = http.StatusText(a.Status)
		}
		all[who]++
	}
	return all
}

// open opens a window, and returns its lease.
func (m *mesh) open(service, instance, message, ttl string) (id string) {
	m.t.Helper()
	a := m.call("POST", leases, fmt.Sprintf(`{"kind":"window","service":%q,"instance":%q,"value":{"message":%q},"ttl":%q,"reason":"work"}`, service, instance, message, ttl))
	var r struct {
		Lease             struct{ ID string }
		Applied, Expected int
	}
	m.check(json.Unmarshal(a.Body, &r))
	if a.Status != http.StatusCreated || r.Applied == 0 || r.Applied != r.Expected {
		m.t.Fatalf("%d %s", a.Status, a.Body)
	}
	return r.Lease.ID
}

func (m *mesh) drop(id string) {
	m.t.Helper()
	if a := m.call("DELETE", leases+"/"+id, ""); a.Status != http.StatusOK {
		m.t.Fatalf("%d %s", a.Status, a.Body)
	}
}
