// Package windows proves maintenance windows from end to end, in one process.
package windows

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const (
	limit  = 30 * time.Second // generous: two cores are shared by everything
	leases = "/api/maintenance/v1/leases"
	who    = "/api/catalogs/v1/who"
)

// people is the verifier for whom everybody is an operator.
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	return access.Principal{Subject: token, Name: token, Grants: []access.Grant{{Role: access.Operator}}}, nil
}

// mesh is the gateway, view-service, and two instances of a small service by the name of catalogs.
type mesh struct {
	t        *testing.T
	dir      string
	db       *pgtest.DB
	broker   *inproc.Broker
	book     *peers.Book
	gateway  *gateway.Service
	view     *viewservice.Service
	catalogs []*sidecar.Sidecar
}

func newMesh(t *testing.T) *mesh {
	t.Helper()
	m := &mesh{t: t, dir: t.TempDir(), db: pgtest.New(t, "view_service", "maintenance"), book: &peers.Book{}}
	var err error
	m.broker, err = inproc.New(inproc.Settings{Dir: filepath.Join(m.dir, "bus")})
	m.check(err)
	t.Cleanup(func() { _ = m.broker.Close() })
	keys := servicetoken.Keys{}
	for _, service := range []string{"gateway", "catalogs", "view-service"} {
		key, err := servicetoken.LoadOrGenerateKey(m.key(service))
		m.check(err)
		public, _ := key.Public().(ed25519.PublicKey)
		keys[service] = append(keys[service], public)
	}
	m.check(servicetoken.WriteBundle(filepath.Join(m.dir, "bundle.json"), keys))
	m.wire()
	return m
}

func (m *mesh) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mesh) key(service string) string { return filepath.Join(m.dir, service+".pem") }

func (m *mesh) config(service string, n int) sidecar.Config {
	return sidecar.Config{Instance: fmt.Sprint(service, "-", n), HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", KeyFile: m.key(service),
		TrustBundle: filepath.Join(m.dir, "bundle.json"), TraceExporter: []string{"none"}, StopTimeout: 10 * time.Second, Migrate: "on"}
}

func (m *mesh) settings(service string) sidecar.Settings {
	return sidecar.Settings{Service: service, Peers: m.book, Bus: m.broker.Open, Stderr: io.Discard, Verifier: people{}}
}

func (m *mesh) wire() {
	vc := viewservice.Config{Config: m.config("view-service", 1), Maintenance: maintenance.DefaultConfig(),
		LogsURL: m.db.URL("maintenance"), LogsOwnerURL: m.db.OwnerURL("maintenance")}
	vc.PostgresURL, vc.PostgresOwner, vc.PostgresConns = m.db.URL("view_service"), m.db.OwnerURL("view_service"), 4
	var err error
	m.view, err = viewservice.New(m.t.Context(), vc, m.settings("view-service"))
	m.check(err)
	m.run("view-service", m.view)
	for n := range 2 {
		s, err := sidecar.New(m.t.Context(), m.config("catalogs", n+1), m.settings("catalogs"))
		m.check(err)
		s.Mount("GET "+who, access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s.Instance()) }))
		m.catalogs = append(m.catalogs, s)
		m.run("catalogs", s)
	}
	gc := gateway.Config{Config: m.config("gateway", 1), PerUser: "0", PerAddress: "0"}
	gc.OpsAddr = "127.0.0.1:0"
	m.gateway, err = gateway.New(m.t.Context(), gc, m.settings("gateway"))
	m.check(err)
	m.run("gateway", m.gateway)
	m.ready()
}

// ready waits until every instance acknowledges leases.
func (m *mesh) ready() {
	wait.For(m.t, limit, "the mesh", func() bool {
		if m.call("GET", who, "").status != http.StatusOK || m.call("GET", leases, "").status != http.StatusOK {
			return false
		}
		a := m.call("POST", leases, `{"kind":"level","logger":"nobody","value":"info","ttl":"1s","reason":"are you there"}`)
		var r struct{ Applied, Expected int }
		m.check(json.Unmarshal([]byte(a.body), &r))
		return r.Applied == 4
	})
}

// runner is a service.
type runner interface {
	Run(ctx context.Context) error
	PublicAddr() string
	PrivateAddr() string
}

func (m *mesh) run(name string, s runner) {
	m.book.Add(name, s.PublicAddr(), s.PrivateAddr())
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	m.t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			m.t.Errorf("%s: %v", name, err)
		}
	})
}

type answer struct {
	status int
	header http.Header
	body   string
}

// call through the gateway.
func (m *mesh) call(method, path, body string) answer {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), method, "http://"+m.gateway.PublicAddr()+path, strings.NewReader(body))
	m.check(err)
	r.Header.Set("Authorization", "Bearer anna")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return m.do(r)
}

// get asks an instance itself.
func (m *mesh) get(address, path string) answer {
	m.t.Helper()
	r, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, "http://"+address+path, nil)
	m.check(err)
	return m.do(r)
}

func (m *mesh) do(r *http.Request) answer {
	m.t.Helper()
	resp, err := (&http.Client{Timeout: limit}).Do(r)
	m.check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	m.check(err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// seen counts which instance answered n requests.
func (m *mesh) seen(n int) map[string]int {
	m.t.Helper()
	all := map[string]int{}
	for range n {
		a := m.call("GET", who, "")
		if a.status != http.StatusOK {
			a.body = http.StatusText(a.status)
		}
		all[a.body]++
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
	m.check(json.Unmarshal([]byte(a.body), &r))
	if a.status != http.StatusCreated || r.Applied == 0 || r.Applied != r.Expected {
		m.t.Fatalf("%d %s", a.status, a.body)
	}
	return r.Lease.ID
}

func (m *mesh) drop(id string) {
	m.t.Helper()
	if a := m.call("DELETE", leases+"/"+id, ""); a.status != http.StatusOK {
		m.t.Fatalf("%d %s", a.status, a.body)
	}
}
