package flows

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// limit is generous: two cores are shared by everything that a test starts.
const limit = 90 * time.Second

// people is the verifier for whom a token is its user's id.
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	return access.Principal{Subject: token, Name: token, Grants: []access.Grant{{Role: access.Admin}}}, nil
}

// line is a record as a service writes it to its standard error.
type line struct {
	Level, Service, Logger, Msg string
	Trace                       string `json:"trace_id"`
	Attrs                       struct {
		Lease       string `json:"lease_id"`
		Retroactive bool   `json:"retroactive"`
	}
	text string
}

// stderrs keeps what each service writes.
type stderrs struct {
	mu sync.Mutex
	by map[string]*bytes.Buffer
}

func (s *stderrs) of(service string) io.Writer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]*bytes.Buffer{}
	}
	s.by[service] = &bytes.Buffer{}
	return writer(func(p []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.by[service].Write(p)
	})
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// lines of all services that are as ok says.
func (s *stderrs) lines(t testing.TB, ok func(line) bool) (all []line) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for service, buf := range s.by {
		for text := range strings.Lines(buf.String()) {
			l := line{text: text}
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%s wrote %q: %v", service, text, err)
			}
			if ok(l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// mesh is six services in one process, with the bus and database that they share: the gateway, catalogs and the
// scheduler as they are, and three small ones behind them:
//
//	gateway ─HTTP─▶ catalogs ─outbox, bus─▶ data-flow ─gRPC─▶ billing ─bus─▶ notification
//	gateway ─HTTP─▶ scheduler ─outbox, bus─▶ billing (timed event)
type mesh struct {
	t      *testing.T
	dir    string
	db     *pgtest.DB
	broker *inproc.Broker
	book   *peers.Book
	log    *stderrs

	gateway                         *gateway.Service
	catalogs                        *catalogs.Service
	scheduler                       *scheduler.Service
	dataFlow, billing, notification *sidecar.Sidecar
	notified, fired                 *heardUsers
	share                           float64
	fail                            func(text string) error // what billing's handler answers
}

// heardUsers notes what has arrived at the end of a way.
type heardUsers struct {
	mu  sync.Mutex
	all []string
}

func (h *heardUsers) add(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, s)
}

func (h *heardUsers) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.all)
}

// newMesh runs one whose black boxes keep a share of the traces; fail is what billing answers.
func newMesh(t *testing.T, share float64, fail func(text string) error) *mesh {
	t.Helper()
	m := &mesh{t: t, dir: t.TempDir(), db: pgtest.New(t, "catalogs", "scheduler", "billing"), book: &peers.Book{}, log: &stderrs{},
		notified: &heardUsers{}, fired: &heardUsers{}, share: share, fail: fail}
	var err error
	m.broker, err = inproc.New(inproc.Settings{Dir: filepath.Join(m.dir, "bus")})
	m.check(err)
	t.Cleanup(func() { _ = m.broker.Close() })
	keys := servicetoken.Keys{}
	for _, service := range []string{"gateway", "catalogs", "scheduler", "data-flow", "billing", "notification"} {
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

func (m *mesh) config(service string, schema bool) sidecar.Config {
	c := sidecar.Config{Instance: service + "-1", HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", KeyFile: m.key(service),
		TrustBundle: filepath.Join(m.dir, "bundle.json"), TraceExporter: []string{"none"}, StopTimeout: 10 * time.Second, Migrate: "on", BlackBoxShare: m.share}
	if schema {
		c.PostgresURL, c.PostgresOwner, c.PostgresConns = m.db.URL(service), m.db.OwnerURL(service), 4
	}
	return c
}

func (m *mesh) settings(service string) sidecar.Settings {
	return sidecar.Settings{Service: service, Peers: m.book, Bus: m.broker.Open, Stderr: m.log.of(service), Verifier: people{}}
}

func (m *mesh) small(service, schema string) *sidecar.Sidecar {
	set := m.settings(service)
	set.Schema = schema
	s, err := sidecar.New(m.t.Context(), m.config(service, schema != ""), set)
	m.check(err)
	return s
}

func (m *mesh) wire() {
	var err error
	m.catalogs, err = catalogs.New(m.t.Context(), catalogs.Config{Config: m.config("catalogs", true)}, m.settings("catalogs"))
	m.check(err)
	m.scheduler, err = scheduler.New(m.t.Context(), scheduler.Config{Config: m.config("scheduler", true), Retention: time.Hour}, m.settings("scheduler"))
	m.check(err)
	m.dataFlow, m.billing, m.notification = m.small("data-flow", ""), m.small("billing", "billing"), m.small("notification", "")
	m.wireBilling()
	m.wireDataFlow()
	told := m.notification.Logger("told")
	m.notification.Subscribe(bus.Subscription{Queue: "notification.bills", Exchange: bus.Events, Keys: []string{"billing.bill.made"},
		Handler: func(ctx context.Context, d bus.Delivery) error {
			told.DebugContext(ctx, "told of a bill")
			m.notified.add(d.Subject)
			return nil
		}})
	for name, s := range map[string]runner{"catalogs": m.catalogs, "scheduler": m.scheduler, "data-flow": m.dataFlow, "billing": m.billing, "notification": m.notification} {
		m.run(name, s)
	}
	edge := gateway.Config{Config: m.config("gateway", false), PerUser: "0", PerAddress: "0"}
	edge.OpsAddr = "127.0.0.1:0"
	m.gateway, err = gateway.New(m.t.Context(), edge, m.settings("gateway"))
	m.check(err)
	m.run("gateway", m.gateway)
	wait.For(m.t, limit, "the mesh", func() bool {
		_, catalogs := m.call("7", "GET", "/api/catalogs/v1/types", "")
		_, schedule := m.call("7", "GET", "/api/scheduler/v1/schedules/billing.nightly", "")
		return catalogs == 200 && schedule == 200
	})
}

func (m *mesh) wireBilling() {
	log := m.billing.Logger("bills")
	desc := &grpc.ServiceDesc{ServiceName: "test.v1.Billing", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Make",
		Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var in wrapperspb.StringValue
			if err := dec(&in); err != nil {
				return nil, err
			}
			log.DebugContext(ctx, "making a bill")
			if err := m.fail(in.GetValue()); err != nil {
				return nil, err
			}
			return &in, m.billing.Bus().Publish(ctx, bus.Publication{Exchange: bus.Events, Key: "billing.bill.made",
				Event: bus.Event{Type: "billing.bill.made", Subject: in.GetValue()}})
		}}}}
	m.check(m.billing.RPC().Register(desc, struct{}{}, map[string]rpc.Callers{"Make": {"data-flow"}}))
	m.check(m.billing.Timed(timed.Schedule{Name: "billing.nightly", Cron: "0 3 29 2 *"}, func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
		log.DebugContext(ctx, "the nightly run")
		m.fired.add(f.ID)
		return nil
	}))
}

func (m *mesh) wireDataFlow() {
	log := m.dataFlow.Logger("records")
	m.dataFlow.Subscribe(bus.Subscription{Queue: "data-flow.records", Exchange: bus.Events, Keys: []string{"catalogs.record.created"},
		Handler: func(ctx context.Context, d bus.Delivery) error {
			log.DebugContext(ctx, "a record came")
			conn, err := m.dataFlow.Dialer().Dial("billing")
			if err != nil {
				return err
			}
			var out wrapperspb.StringValue
			err = conn.Invoke(ctx, "/test.v1.Billing/Make", wrapperspb.String(string(d.Data)), &out, grpc.WaitForReady(true))
			if err != nil {
				return bus.Park(problem.Wrap(problem.Unavailable, "no bill was made", err))
			}
			return nil
		}})
}

// runner is a service.
type runner interface {
	Run(ctx context.Context) error
	PublicAddr() string
	PrivateAddr() string
}

func (m *mesh) run(name string, s runner) {
	m.book.Set(name, peers.Peer{HTTP: []string{s.PublicAddr()}, RPC: []string{s.PrivateAddr()}})
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	m.t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			m.t.Errorf("%s ended: %v", name, err)
		}
	})
}

// call through the gateway as a user; the trace of it, and the status. A header of any answer that says something of
// debugging fails the test.
func (m *mesh) call(user, method, path, body string) (trace string, status int) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+m.gateway.PublicAddr()+path, strings.NewReader(body))
	m.check(err)
	r.Header.Set("Authorization", "Bearer "+user)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	m.check(err)
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	for name, values := range resp.Header {
		if strings.Contains(strings.ToLower(name+strings.Join(values, "")), "debug") {
			m.t.Errorf("the answer has %s: %q", name, values)
		}
	}
	return resp.Header.Get("X-Trace-Id"), resp.StatusCode
}

// metrics of one service as they are scraped.
func (m *mesh) metrics(addr string) string {
	m.t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	m.check(err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	m.check(err)
	return string(text)
}
