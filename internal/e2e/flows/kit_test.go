package flows

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// limit is generous: two cores are shared by everything that a test starts.
const limit = 90 * time.Second

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

// lines of all services that are as ok says.
func (m *mesh) lines(ok func(line) bool) (all []line) {
	m.t.Helper()
	for _, text := range m.Log.Lines("") {
		l := line{text: text}
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			m.t.Fatalf("a service wrote %q: %v", text, err)
		}
		if ok(l) {
			all = append(all, l)
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
	*meshtest.Mesh
	t *testing.T

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
	m := &mesh{Mesh: meshtest.New(t, []string{"catalogs", "scheduler", "billing"}, "gateway", "catalogs", "scheduler", "data-flow", "billing", "notification"),
		t: t, notified: &heardUsers{}, fired: &heardUsers{}, share: share, fail: fail}
	m.wire()
	return m
}

func (m *mesh) check(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mesh) config(service, schema string) sidecar.Config {
	c := m.Config(service, service+"-1", schema)
	m.boxed(&c)
	return c
}

func (m *mesh) boxed(c *sidecar.Config) { c.BlackBoxShare = m.share }

func (m *mesh) wire() {
	var err error
	m.catalogs, err = catalogs.New(m.t.Context(), catalogs.Config{Config: m.config("catalogs", "catalogs")}, m.Settings("catalogs"))
	m.check(err)
	m.scheduler, err = scheduler.New(m.t.Context(), scheduler.Config{Config: m.config("scheduler", "scheduler"), Retention: time.Hour}, m.Settings("scheduler"))
	m.check(err)
	m.dataFlow, m.billing, m.notification = m.Small("data-flow", "data-flow-1", "", m.boxed), m.Small("billing", "billing-1", "billing", m.boxed), m.Small("notification", "notification-1", "", m.boxed)
	m.wireBilling()
	m.wireDataFlow()
	told := m.notification.Logger("told")
	m.notification.Subscribe(bus.Subscription{Queue: "notification.bills", Exchange: bus.Events, Keys: []string{"billing.bill.made"},
		Handler: func(ctx context.Context, d bus.Delivery) error {
			told.DebugContext(ctx, "told of a bill")
			m.notified.add(d.Subject)
			return nil
		}})
	for name, s := range map[string]meshtest.Runner{"catalogs": m.catalogs, "scheduler": m.scheduler, "data-flow": m.dataFlow, "billing": m.billing, "notification": m.notification} {
		m.Run(name, s)
	}
	m.gateway = parts.Gateway(m.t, m.Mesh, func(c *gateway.Config) { m.boxed(&c.Config) })
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
			conn, err := m.dataFlow.Mesh().RPC("billing")
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

// call through the gateway as a user; the trace of it, and the status. A header of any answer that says something of
// debugging fails the test.
func (m *mesh) call(user, method, path, body string) (trace string, status int) {
	m.t.Helper()
	a := m.Call(m.gateway.PublicAddr(), user+"=admin", method, path, body)
	for name, values := range a.Header {
		if strings.Contains(strings.ToLower(name+strings.Join(values, "")), "debug") {
			m.t.Errorf("the answer has %s: %q", name, values)
		}
	}
	return a.Header.Get("X-Trace-Id"), a.Status
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
