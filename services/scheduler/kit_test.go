package scheduler_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

const limit = 30 * time.Second

// mesh is what schedulers and their consumers share: a database, a bus, keys, addresses.
type mesh struct {
	db    *pgtest.DB
	open  func(bus.Client) (bus.Bus, error) // nil: amqp
	amqp  string
	conns int32 // in each pool; 1 shows that nothing needs two at a time (P-4)
	book  *peers.Book
	dir   string
	log   *logBook
}

func newMesh(t testing.TB) *mesh {
	t.Helper()
	return newMeshOn(t, pgtest.New(t, "scheduler", "billing"))
}

func newMeshOn(t testing.TB, db *pgtest.DB) *mesh {
	t.Helper()
	m := &mesh{db: db, conns: 1, book: &peers.Book{}, dir: t.TempDir(), log: &logBook{}}
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(m.dir, "bus")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	m.open = broker.Open
	keys := servicetoken.Keys{}
	for _, service := range []string{"scheduler", "billing"} {
		key, err := servicetoken.LoadOrGenerateKey(m.keyFile(service))
		if err != nil {
			t.Fatal(err)
		}
		keys[service] = append(keys[service], key.Public().(ed25519.PublicKey))
	}
	if err := servicetoken.WriteBundle(filepath.Join(m.dir, "bundle.json"), keys); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mesh) keyFile(service string) string { return filepath.Join(m.dir, service+".pem") }

func (m *mesh) config(service, instance string) sidecar.Config {
	return sidecar.Config{
		Instance: instance, HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info",
		PostgresURL: m.db.URL(service), PostgresOwner: m.db.OwnerURL(service), PostgresConns: m.conns, Migrate: "on",
		KeyFile: m.keyFile(service), TrustBundle: filepath.Join(m.dir, "bundle.json"), TraceExporter: []string{"none"},
		StopTimeout: 10 * time.Second, AMQPURL: m.amqp,
	}
}

func (m *mesh) settings() sidecar.Settings {
	return sidecar.Settings{Peers: m.book, Bus: m.open, Stderr: m.log, Verifier: people{}}
}

// runner is a service under test.
type runner interface {
	Run(ctx context.Context) error
	Stop(ctx context.Context) error
	PublicAddr() string
	PrivateAddr() string
}

// run serves until stop or the end of the test.
func (m *mesh) run(t testing.TB, service string, r runner) (stop func()) {
	t.Helper()
	m.book.Add(service, r.PublicAddr(), r.PrivateAddr())
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("%s ended: %v", service, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (m *mesh) scheduler(t testing.TB, instance string) (*scheduler.Service, func()) {
	t.Helper()
	s, err := scheduler.New(t.Context(), scheduler.Config{Config: m.config("scheduler", instance), Retention: time.Hour}, m.settings())
	if err != nil {
		t.Fatal(err)
	}
	return s, m.run(t, "scheduler", s)
}

// billing is a service that handles timed events in its own schema, which has one table.
func (m *mesh) billing(t testing.TB, declare func(s *sidecar.Sidecar)) {
	t.Helper()
	set := m.settings()
	set.Service, set.Schema = "billing", "billing"
	set.Migrations = []pg.Migrations{{Name: "billing", FS: fstest.MapFS{"00001_effects.sql": &fstest.MapFile{
		Data: []byte("-- +goose Up\nCREATE TABLE effects (fire text NOT NULL, schedule text NOT NULL, due timestamptz NOT NULL);\n")}}}}
	s, err := sidecar.New(t.Context(), m.config("billing", "billing-1"), set)
	if err != nil {
		t.Fatal(err)
	}
	declare(s)
	m.run(t, "billing", s)
}

// admin sees everything, as the server's administrator.
func (m *mesh) admin(t testing.TB) *pg.DB {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: m.db.AdminURL(), Schema: "scheduler"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// logBook keeps what the services write to stderr.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) lines(word string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.buf.String()) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}

// people verifies tokens of the form "role" or "role:service".
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	role, service, scoped := strings.Cut(token, ":")
	if role == "" {
		return access.Principal{}, problem.New(problem.Unauthorized, "no such token")
	}
	g := access.Grant{Role: access.Role(role)}
	if scoped {
		g.Services = []string{service}
	}
	return access.Principal{Subject: "u-" + token, Name: token, Grants: []access.Grant{g}}, nil
}

// call asks a service and decodes its answer into out, if that is not nil.
func call(t testing.TB, addr, token, method, path, body string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+"/api/scheduler/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil && resp.StatusCode < 300 && resp.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %s", method, path, raw)
	}
	return resp.StatusCode
}

// eventually waits until a path answers with 200 and the answer is as wanted.
func eventually[T any](t testing.TB, addr, path, what string, ok func(T) bool) T {
	t.Helper()
	var last T
	wait.For(t, limit, fmt.Sprintf("%s in %s", what, path), func() bool {
		var answer T
		if call(t, addr, "admin", http.MethodGet, path, "", &answer) != http.StatusOK {
			return false
		}
		last = answer
		return ok(answer)
	})
	return last
}
