package catalogs_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 30 * time.Second

// builder is the verifier for whom everybody is one.
type builder struct{}

func (builder) Verify(context.Context, string) (access.Principal, error) {
	return access.Principal{Subject: "u1", Name: "ben", Grants: []access.Grant{{Role: access.Builder}}}, nil
}

// house is what catalogs needs around it: a database, a bus, its key.
type house struct {
	config   catalogs.Config
	settings sidecar.Settings
	bus      bus.Bus // a neighbour's
}

func newHouse(t *testing.T, db *pgtest.DB) house {
	t.Helper()
	dir := t.TempDir()
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(dir, "bus")})
	check(t, err)
	t.Cleanup(func() { _ = broker.Close() })
	neighbour, err := broker.Open(bus.Client{Service: "neighbour", Instance: "neighbour-1"})
	check(t, err)
	t.Cleanup(func() { _ = neighbour.Close(context.Background()) })
	key, err := servicetoken.LoadOrGenerateKey(filepath.Join(dir, "key.pem"))
	check(t, err)
	bundle := filepath.Join(dir, "bundle.json")
	check(t, servicetoken.WriteBundle(bundle, servicetoken.Keys{"catalogs": {key.Public().(ed25519.PublicKey)}}))
	return house{
		config: catalogs.Config{Config: sidecar.Config{
			HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", StopTimeout: 10 * time.Second,
			PostgresURL: db.URL("catalogs"), PostgresOwner: db.OwnerURL("catalogs"), PostgresConns: 2, Migrate: "on",
			KeyFile: filepath.Join(dir, "key.pem"), TrustBundle: bundle, TraceExporter: []string{"none"},
		}},
		settings: sidecar.Settings{Bus: broker.Open, Stderr: io.Discard, Verifier: builder{}, Peers: &peers.Book{}},
		bus:      neighbour,
	}
}

func (h house) run(t *testing.T) *catalogs.Service {
	t.Helper()
	s, err := catalogs.New(t.Context(), h.config, h.settings)
	check(t, err)
	serve(t, s, "x")
	return s
}

// serve runs catalogs until the end of the test, and returns once somebody with the token gets an answer.
func serve(t *testing.T, s *catalogs.Service, token string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	wait.For(t, limit, "catalogs to be ready", func() bool {
		return status(t, s, "GET", "/api/catalogs/v1/types", "", "Authorization", "Bearer "+token) == 200
	})
}

func call(t *testing.T, s *catalogs.Service, method, path, body string, header ...string) (int, map[string]any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.PublicAddr()+path, strings.NewReader(body))
	check(t, err)
	r.Header.Set("Authorization", "Bearer x")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	decoded := map[string]any{}
	_ = json.NewDecoder(resp.Body).Decode(&decoded)
	return resp.StatusCode, decoded
}

func status(t *testing.T, s *catalogs.Service, method, path, body string, header ...string) int {
	t.Helper()
	code, _ := call(t, s, method, path, body, header...)
	return code
}

// heard collects the events of one subscription.
type heard struct {
	mu  sync.Mutex
	all []bus.Delivery
}

func (h *heard) types() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, d := range h.all {
		out = append(out, d.Type)
	}
	return out
}

func (h house) listen(t *testing.T, keys ...string) *heard {
	t.Helper()
	got := &heard{}
	stop, err := h.bus.Subscribe(t.Context(), bus.Subscription{Queue: "neighbour.listens", Exchange: bus.Events, Keys: keys,
		Handler: func(_ context.Context, d bus.Delivery) error {
			got.mu.Lock()
			defer got.mu.Unlock()
			got.all = append(got.all, d)
			return nil
		}})
	check(t, err)
	t.Cleanup(func() { _ = stop(context.Background()) })
	return got
}

// TestAChangeIsAnEvent: what is committed over REST arrives at a neighbour, once, in order.
func TestAChangeIsAnEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t, "catalogs"))
	got := h.listen(t, "catalogs.#")
	s := h.run(t)
	if code := status(t, s, "POST", "/api/catalogs/v1/types", `{"name":"lamp","schema":{"type":"object"}}`); code != 201 {
		t.Fatal(code)
	}
	code, record := call(t, s, "POST", "/api/catalogs/v1/types/lamp/records", `{"data":{"name":"Blue"}}`)
	if code != 201 {
		t.Fatal(code, record)
	}
	path := fmt.Sprint("/api/catalogs/v1/types/lamp/records/", record["id"])
	if code := status(t, s, "PUT", path, `{"data":{"name":"Red"}}`); code != 200 {
		t.Fatal(code)
	}
	wait.For(t, limit, "three events", func() bool { return len(got.types()) == 3 })
	want := []string{"catalogs.record.created", "catalogs.record.updated"}
	if records := slices.DeleteFunc(got.types(), func(s string) bool { return s == "catalogs.type.created" }); !slices.Equal(records, want) {
		t.Errorf("heard %v", got.types())
	}
	for _, name := range []string{"http_server_request_duration_seconds", "db_client_operation_duration_seconds", "db_client_connections"} {
		if n, err := testutil.GatherAndCount(s.Registry(), name); err != nil || n == 0 {
			t.Errorf("%s: %d series, %v", name, n, err)
		}
	}
	if problems, err := testutil.GatherAndLint(s.Registry()); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// TestP3_TheDatabaseGoesAndComes: without its database catalogs lives, says why, and comes back by itself.
func TestP3_TheDatabaseGoesAndComes(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	s := newHouse(t, pgtest.On(t, server, "catalogs")).run(t)
	if code := status(t, s, "POST", "/api/catalogs/v1/types", `{"name":"lamp","schema":{}}`); code != 201 {
		t.Fatal(code)
	}
	check(t, server.Kill())
	code, answer := call(t, s, "GET", "/api/catalogs/v1/types/lamp", "")
	if code != 503 || answer["code"] != "unavailable" {
		t.Errorf("without a database: %d %v", code, answer)
	}
	if code := status(t, s, "GET", "/liveness", ""); code != 200 {
		t.Errorf("liveness: %d", code)
	}
	wait.For(t, limit, "/hc to say it is down", func() bool { return status(t, s, "GET", "/hc", "") == 503 })
	check(t, server.Restart(t.Context()))
	back := time.Now()
	wait.For(t, limit, "catalogs to be back", func() bool { return status(t, s, "GET", "/api/catalogs/v1/types/lamp", "") == 200 })
	t.Logf("METRIC catalogs_back_after_database_seconds=%.3f limit=1", time.Since(back).Seconds())
	wait.For(t, limit, "/hc to be up", func() bool { return status(t, s, "GET", "/hc", "") == 200 })
}

// TestPurge: the timed event drops what is old, with the pool's one connection taken, and is answered with a receipt.
func TestPurge(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t, "catalogs"))
	h.config.PostgresConns = 1
	got := h.listen(t, "catalogs.fire.*")
	s := h.run(t)
	_, err := s.DB().Pool().Exec(t.Context(), `INSERT INTO inbox (queue, source, event_id, handled_at)
		SELECT 'catalogs.old', '/x', n::text, now() - interval '8 days' FROM generate_series(1, 12000) n`)
	check(t, err)
	fire, err := json.Marshal(timed.Fire{ID: "catalogs.event-purge@2026-11-21T03:23:00Z", Schedule: "catalogs.event-purge", Due: time.Now(), Deadline: time.Minute})
	check(t, err)
	wait.For(t, limit, "somebody to take the fire", func() bool {
		return h.bus.Publish(t.Context(), bus.Publication{Exchange: bus.Schedule, Key: "catalogs.event-purge", Event: bus.Event{
			ID: "catalogs.event-purge@2026-11-21T03:23:00Z", Source: "/scheduler/scheduler-1", Type: "signalbox.schedule.fired", Data: fire}}) == nil
	})
	wait.For(t, limit, "the receipt", func() bool { return slices.Contains(got.types(), "catalogs.fire.completed") })
	var left int
	check(t, s.DB().Pool().QueryRow(t.Context(), `SELECT count(*) FROM inbox WHERE queue = 'catalogs.old'`).Scan(&left))
	if left != 0 {
		t.Errorf("%d rows are left", left)
	}
}

// TestOneOfManyWins: of changes based on the same version one is made; a type is not dropped under its records.
func TestOneOfManyWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t, "catalogs"))
	h.config.PostgresConns = 8
	s := h.run(t)
	const types, records = "/api/catalogs/v1/types", "/api/catalogs/v1/types/lamp/records"
	if code := status(t, s, "POST", types, `{"name":"lamp","schema":{}}`); code != 201 {
		t.Fatal(code)
	}
	_, record := call(t, s, "POST", records, `{"data":{"n":0}}`)
	path := fmt.Sprint(records, "/", record["id"])
	outcomes := many(16, func(i int) int {
		return status(t, s, "PUT", path, fmt.Sprintf(`{"data":{"n":%d}}`, i), "If-Match", `"1"`)
	})
	if outcomes[200] != 1 || outcomes[412] != 15 {
		t.Errorf("16 changes of version 1: %v", outcomes)
	}
	if code := status(t, s, "DELETE", path, ""); code != 204 {
		t.Fatal(code)
	}
	outcomes = many(16, func(i int) int {
		if i%4 == 0 {
			return status(t, s, "DELETE", types+"/lamp", "")
		}
		return status(t, s, "POST", records, `{"data":{}}`)
	})
	if outcomes[201]+outcomes[204]+outcomes[404]+outcomes[409] != 16 || outcomes[204] > 1 {
		t.Errorf("creating in and dropping a type: %v", outcomes)
	}
}

// many does n calls at once and counts their status codes.
func many(n int, do func(i int) int) map[int]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	out := map[int]int{}
	for i := range n {
		all.Go(func() {
			code := do(i)
			mu.Lock()
			defer mu.Unlock()
			out[code]++
		})
	}
	all.Wait()
	return out
}

func TestLifecycle(t *testing.T) {
	h := newHouse(t, pgtest.New(t, "catalogs"))
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			s, err := catalogs.New(ctx, h.config, h.settings)
			check(t, err)
			return s
		},
		Failing: func(ctx context.Context) error {
			bad := h.config
			bad.PostgresURL = "postgres://u:p@h:none/d"
			_, err := catalogs.New(ctx, bad, h.settings)
			return err
		},
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
