package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/keyring"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/password"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/postgres"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/clientaddr"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write openapi.json anew")
	os.Exit(guard.TestMain(m))
}

const base = "/api/identity/v1"

// events records what would be published, when its transaction commits or not.
type events struct {
	mu    sync.Mutex
	types []string
}

func (e *events) Add(_ context.Context, _ pg.Tx, _ string, p bus.Publication) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.types = append(e.types, p.Event.Type)
	return nil
}

// rig is identity's API over a real database, with a clock that tests can set.
type rig struct {
	t      *testing.T
	url    string
	db     *pg.DB
	store  *postgres.Store
	ring   *keyring.Keyring
	key    string // file of the signing key
	events *events
	admin  string // token

	mu    sync.Mutex
	ahead time.Duration
	log   bytes.Buffer
}

func (r *rig) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Now().Add(r.ahead)
}

func (r *rig) advance(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead += d
}

func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func (r *rig) logged() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, events: &events{}}
	r.db = openDB(t)
	r.store = postgres.New(r.db, r.events, "/identity/test")
	r.key = filepath.Join(t.TempDir(), "signing.pem")
	ring, err := keyring.Open(r.key, true, nil)
	check(t, err)
	r.ring = ring
	r.serve()
	u, err := r.store.EnsureAdmin(t.Context(), "admin", "test")
	check(t, err)
	r.admin = r.tokenOf(u)
	return r
}

func openDB(t *testing.T) *pg.DB {
	t.Helper()
	database := pgtest.New(t, "identity")
	db, err := pg.Open(pg.Settings{URL: database.URL("identity"), OwnerURL: database.OwnerURL("identity"), Schema: "identity", MaxConns: 1})
	check(t, err)
	t.Cleanup(db.Close)
	check(t, db.Migrate(t.Context(), postgres.Migrations()))
	return db
}

func (r *rig) serve() {
	hasher, err := password.New(password.Params{MemoryKiB: 64, Passes: 1, Lanes: 1}, 1024)
	check(r.t, err)
	proxies, err := clientaddr.NewPolicy(clientaddr.Private())
	check(r.t, err)
	trail := audit.New(slog.New(slog.NewJSONHandler(r, nil)))
	sessions := session.New(session.Settings{
		Families: r.store, Codes: r.store, Credentials: r.store, Strikes: r.store, Passwords: hasher, Signer: r.ring, Trail: trail,
		Metrics: session.NewMetrics(prometheus.NewRegistry()), Idle: time.Hour, Longest: 3 * time.Hour, Now: r.now,
	})
	api := web.New(web.Settings{Service: "identity", Verifier: r.ring.Verifier(), Logger: slog.New(slog.NewJSONHandler(r, nil))})
	httpapi.Mount(api, httpapi.Settings{
		Sessions: sessions, Users: account.NewUsers(r.store, hasher, trail), Reader: r.store, JWKS: r.ring.JWKS, Signer: r.ring, Senders: r.store, Trail: trail, Proxies: proxies,
	})
	server := httptest.NewServer(api.Handler())
	r.t.Cleanup(server.Close)
	r.url = server.URL
}

func (r *rig) tokenOf(u account.User) string {
	r.t.Helper()
	token, err := r.ring.Sign(u.Principal(), time.Minute)
	check(r.t, err)
	return token
}

// tokenWith is a token of somebody with these grants who is in no database.
func (r *rig) tokenWith(grants ...access.Grant) string {
	r.t.Helper()
	token, err := r.ring.Sign(access.Principal{Subject: "0198c0de-0000-7000-8000-000000000000", Name: "someone", Grants: grants}, time.Minute)
	check(r.t, err)
	return token
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) str(key string) string {
	s, _ := a.body[key].(string)
	return s
}

// call sends body as JSON, or raw when it is a string; from is the client as the gateway would name it.
func (r *rig) call(method, path, token string, body any, header ...string) answer {
	r.t.Helper()
	var payload io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		payload = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		check(r.t, err)
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+base+path, payload)
	check(r.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	check(r.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(r.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body)
	return a
}

func (r *rig) signIn(name, plain, from string) answer {
	r.t.Helper()
	return r.call("POST", "/sessions", "", map[string]string{"name": name, "password": plain}, "X-Forwarded-For", from)
}

// user creates one with a password and returns his id.
func (r *rig) user(name, plain string, grants ...map[string]any) string {
	r.t.Helper()
	body := map[string]any{"name": name, "password": plain}
	if grants != nil {
		body["grants"] = grants
	}
	a := r.call("POST", "/users", r.admin, body)
	want(r.t, a, http.StatusCreated, "")
	return a.str("id")
}

func want(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || (code != "" && a.str("code") != code) {
		t.Fatalf("got %d %s, want %d %s", a.status, a.text, status, code)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nobody lets routes be registered that need a token; no request comes.
type nobody struct{}

func (nobody) Verify(context.Context, string) (access.Principal, error) {
	return access.Principal{}, errors.New("no token is good here")
}
