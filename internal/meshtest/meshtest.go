// Package meshtest runs services in the process of a test, as a mesh: on private databases, with the in-process bus, keys, and the
// addresses that they have bound. It knows no service: which run, and what a test looks at, the test adds itself.
package meshtest

import (
	"context"
	"crypto/ed25519"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// Mesh is what the services of a test share.
type Mesh struct {
	DB    *pgtest.DB
	Bus   func(bus.Client) (bus.Bus, error) // nil: what the configuration names
	Book  *peers.Book
	Dir   string // of keys, bus and state; the test's own
	Log   *Log
	Conns int32 // of each pool

	t testing.TB
}

// New makes a mesh without services: keys for those that it names, and a database with the schemas.
func New(t testing.TB, schemas []string, services ...string) *Mesh {
	t.Helper()
	return On(t, pgtest.New(t, schemas...), services...)
}

// On is New on a database that is there.
func On(t testing.TB, db *pgtest.DB, services ...string) *Mesh {
	t.Helper()
	m := &Mesh{DB: db, Book: &peers.Book{}, Dir: t.TempDir(), Log: &Log{}, Conns: 4, t: t}
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(m.Dir, "bus")})
	m.check(err)
	t.Cleanup(func() { _ = broker.Close() })
	m.Bus = broker.Open
	keys := servicetoken.Keys{}
	for _, service := range services {
		key, err := servicetoken.LoadOrGenerateKey(m.KeyFile(service))
		m.check(err)
		public, _ := key.Public().(ed25519.PublicKey)
		keys[service] = append(keys[service], public)
	}
	m.check(servicetoken.WriteBundle(m.BundleFile(), keys))
	return m
}

func (m *Mesh) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// KeyFile of a service.
func (m *Mesh) KeyFile(service string) string { return filepath.Join(m.Dir, service+".pem") }

// BundleFile has the public keys of all services.
func (m *Mesh) BundleFile() string { return filepath.Join(m.Dir, "bundle.json") }

// Config of an instance. schema is the one that it owns, "" for none.
func (m *Mesh) Config(service, instance, schema string) sidecar.Config {
	c := sidecar.Config{Instance: instance, HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", KeyFile: m.KeyFile(service),
		TrustBundle: m.BundleFile(), TraceExporter: []string{"none"}, StopTimeout: 10 * time.Second, Migrate: "on"}
	if schema != "" {
		c.PostgresURL, c.PostgresOwner, c.PostgresConns = m.DB.URL(schema), m.DB.OwnerURL(schema), m.Conns
	}
	return c
}

// Settings of an instance: what the mesh shares, and People.
func (m *Mesh) Settings(service string) sidecar.Settings {
	return sidecar.Settings{Service: service, Peers: m.Book, Bus: m.Bus, Stderr: m.Log.Of(service), Verifier: People{}}
}

// Small is a service that is nothing but its sidecar.
func (m *Mesh) Small(service, instance, schema string, edit ...func(*sidecar.Config)) *sidecar.Sidecar {
	m.t.Helper()
	c, set := m.Config(service, instance, schema), m.Settings(service)
	for _, e := range edit {
		e(&c)
	}
	set.Schema = schema
	s, err := sidecar.New(m.t.Context(), c, set)
	m.check(err)
	return s
}

// Runner is a service.
type Runner interface {
	Run(ctx context.Context) error
	PublicAddr() string
	PrivateAddr() string
}

// Run serves until stop or the end of the test; an error of it fails the test.
func (m *Mesh) Run(name string, r Runner) (stop func()) {
	m.t.Helper()
	m.Book.Add(name, r.PublicAddr(), r.PrivateAddr())
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			m.t.Errorf("%s ended: %v", name, err)
		}
	})
	m.t.Cleanup(stop)
	return stop
}

// Answer of a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call asks a service, or the gateway, with a token of People.
func (m *Mesh) Call(addr, token, method, path, body string) Answer {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+path, strings.NewReader(body))
	m.check(err)
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	m.check(err)
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	raw, err := io.ReadAll(resp.Body)
	m.check(err)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: raw}
}

// People verifies tokens of the form ROLE, ROLE:SERVICE or USER=ROLE; "~15s" behind one ends it. Without "=" the subject is "u-"
// and the token.
type People struct{}

// Verify implements access.Verifier.
func (People) Verify(_ context.Context, token string) (access.Principal, error) {
	var until time.Time
	token, ttl, _ := strings.Cut(token, "~")
	if d, err := time.ParseDuration(ttl); err == nil {
		until = time.Now().Add(d)
	}
	subject, role, named := strings.Cut(token, "=")
	if !named {
		subject, role = "u-"+token, token
	}
	role, service, scoped := strings.Cut(role, ":")
	if role == "" {
		return access.Principal{}, problem.New(problem.Unauthorized, "no such token")
	}
	g := access.Grant{Role: access.Role(role)}
	if scoped {
		g.Services = []string{service}
	}
	return access.Principal{Subject: subject, Name: token, Grants: []access.Grant{g}, Until: until}, nil
}
