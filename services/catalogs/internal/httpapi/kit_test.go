package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const base = "/api/catalogs/v1"

// events records what was added to the outbox, whether its transaction commits or not.
type events struct {
	mu  sync.Mutex
	all []bus.Publication
}

func (e *events) Add(_ context.Context, _ pg.Tx, _ string, p bus.Publication) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, p)
	return nil
}

func (e *events) types() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, p := range e.all {
		out = append(out, p.Event.Type)
	}
	return out
}

// verifier takes the names of roles for a token: "builder", "viewer@identity".
type verifier struct{}

func (verifier) Verify(_ context.Context, token string) (access.Principal, error) {
	p := access.Principal{Subject: "user-" + token, Name: token}
	if token == "forged" {
		return p, problem.New(problem.Unauthorized, "the token is not valid")
	}
	role, scope, scoped := strings.Cut(token, "@")
	g := access.Grant{Role: access.Role(role)}
	if scoped {
		g.Services = []string{scope}
	}
	p.Grants = []access.Grant{g}
	return p, nil
}

// rig is the API of catalogs over a real database with one connection.
type rig struct {
	t      *testing.T
	url    string
	events *events
	mu     sync.Mutex
	log    bytes.Buffer
}

func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(p)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	database := pgtest.New(t, "catalogs")
	db, err := pg.Open(pg.Settings{URL: database.URL("catalogs"), OwnerURL: database.OwnerURL("catalogs"), Schema: "catalogs", MaxConns: 1})
	check(t, err)
	t.Cleanup(db.Close)
	check(t, db.Migrate(t.Context(), postgres.Migrations()))
	r := &rig{t: t, events: &events{}}
	store := postgres.New(db, r.events, "/catalogs/test")
	api := web.New(web.Settings{Service: "catalogs", Verifier: verifier{}, Logger: slog.New(slog.NewJSONHandler(r, nil))})
	httpapi.Mount(api, catalog.New(store, store), store)
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
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

// items are the values of one field of a list's records' data.
func (a answer) items(field string) []any {
	var out []any
	list, _ := a.body["items"].([]any)
	for _, i := range list {
		data, _ := i.(map[string]any)["data"].(map[string]any)
		out = append(out, data[field])
	}
	return out
}

// call sends body as JSON, or raw when it is a string.
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
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
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

const lamp = `{"type":"object","required":["name"],"additionalProperties":false,"properties":{
	"name":{"type":"string","maxLength":100},"price":{"type":"number","minimum":0},"in_stock":{"type":"boolean"},
	"size":{"type":"object","properties":{"width":{"type":"integer"}}},"tags":{"type":"array","items":{"type":"string"}},"note":{}}}`

func (r *rig) createType(name, schema string) {
	r.t.Helper()
	want(r.t, r.call("POST", "/types", "builder", `{"name":"`+name+`","schema":`+schema+`}`), 201, "")
}

func (r *rig) createRecord(typ, data string) string {
	r.t.Helper()
	a := r.call("POST", "/types/"+typ+"/records", "operator", `{"data":`+data+`}`)
	want(r.t, a, 201, "")
	return a.str("id")
}

func want(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.str("code") != code {
		t.Fatalf("got %d %s, want %d %s", a.status, a.text, status, code)
	}
	if status >= 400 && !slices.Contains(a.header["Content-Type"], "application/problem+json") {
		t.Fatalf("an error of type %q", a.header["Content-Type"])
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
