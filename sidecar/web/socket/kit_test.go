package socket_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	limit = 20 * time.Second
	route = "/api/catalogs/v1/live"
	id    = "4bf92f3577b34da6a3ce929d0e0e4736"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// people are verified: "ann", and "soon", whose token ends at once.
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	switch token {
	case "ann":
		return access.Principal{Subject: "u-ann"}, nil
	case "soon":
		return access.Principal{Subject: "u-soon", Until: time.Now().Add(200 * time.Millisecond)}, nil
	default:
		return access.Principal{}, problem.New(problem.Unauthorized, "the token has expired")
	}
}

// end is one service: what it accepts with, and dials with.
type end struct {
	*socket.Sockets
	registry *prometheus.Registry
	flows    *debug.Flows
	conns    chan *socket.Conn // that were accepted
	addr     string
	url      string // of the route, for a browser
}

// pair is catalogs, whose route is for rule, and notification, which can dial it. Both are closed with the test.
func pair(t *testing.T, rule access.Rule, o socket.Options, edit ...func(*socket.Settings)) (catalogs, notification *end) {
	t.Helper()
	keys, signers := servicetoken.Keys{}, map[string]*servicetoken.Signer{}
	for _, service := range []string{"notification", "catalogs"} {
		key, err := servicetoken.GenerateKey()
		check(t, err)
		signers[service], err = servicetoken.NewSigner(service, key)
		check(t, err)
		keys[service] = append(keys[service], key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is one
	}
	bundle, book := servicetoken.NewBundle(keys), &peers.Book{}
	build := func(service string) *end {
		e := &end{registry: prometheus.NewRegistry(), conns: make(chan *socket.Conn, 16)}
		e.flows = debug.NewFlows(debug.Settings{Sign: signers[service].SignGrant, Verify: bundle.VerifyGrant, Began: func(ctx context.Context) { tracing.Promote(ctx, tracing.Debug) }})
		client := mesh.New(mesh.Settings{Service: service, Signer: signers[service], Peers: book})
		t.Cleanup(func() { _ = client.Close() })
		s := socket.Settings{Service: service, Instance: service + "-1", Mesh: client, Registerer: e.registry, Flows: e.flows}
		for _, f := range edit {
			f(&s)
		}
		e.Sockets = socket.New(s)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			_ = e.Close(ctx) // with clients that do not answer, it breaks off
		})
		return e
	}
	catalogs, notification = build("catalogs"), build("notification")
	api := web.New(web.Settings{Service: "catalogs", Bundle: bundle, Verifier: people{}, Flows: catalogs.flows})
	api.Handle("GET "+route, rule, catalogs.accept(o))
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	catalogs.addr = server.Listener.Addr().String()
	catalogs.url = server.URL + route
	book.Set("catalogs", peers.Peer{HTTP: []string{catalogs.addr}})
	return catalogs, notification
}

// accept is the route's handler.
func (e *end) accept(o socket.Options) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := e.Accept(w, r, o); err == nil {
			e.conns <- c
		}
	})
}

// browser opens a connection as a page does, with a user's token.
func browser(t *testing.T, e *end, token string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	o := &websocket.DialOptions{Subprotocols: []string{socket.Subprotocol}}
	if token != "" {
		o.HTTPHeader = map[string][]string{"Authorization": {"Bearer " + token}}
	}
	c, _, err := websocket.Dial(ctx, e.url, o)
	check(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	if c.Subprotocol() != socket.Subprotocol {
		t.Errorf("the subprotocol is %q", c.Subprotocol())
	}
	return c
}

func write(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	check(t, c.Write(ctx, websocket.MessageText, []byte(text)))
}

// read is the next message as JSON; nil and a code where the connection has ended.
func read(t *testing.T, c *websocket.Conn) (map[string]any, websocket.StatusCode) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, frame, err := c.Read(ctx)
	if err != nil {
		return nil, websocket.CloseStatus(err)
	}
	var message map[string]any
	check(t, json.Unmarshal(frame, &message))
	return message, 0
}

// message with attributes of its own, such as `"traceparent":"…"`.
func message(kind string, attributes ...string) string {
	return `{"specversion":"1.0","id":"1","source":"/browser","type":"` + kind + `","data":{"n":1}` + strings.Join(append([]string{""}, attributes...), ",") + `}`
}

// count is what a counter or gauge says of the labels' values, in their order.
func count(t *testing.T, e *end, name string, values ...string) (sum float64) {
	t.Helper()
	families, err := e.registry.Gather()
	check(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := 0
			for _, v := range values {
				for _, l := range m.GetLabel() {
					if l.GetValue() == v {
						has++
						break
					}
				}
			}
			if has == len(values) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func counted(t *testing.T, e *end, want float64, name string, values ...string) {
	t.Helper()
	wait.For(t, limit, name+" "+strings.Join(values, " "), func() bool { return count(t, e, name, values...) == want })
}

// seen is what a handler was given.
type seen struct {
	event  bus.Event
	span   trace.SpanContext
	caller string // the user, or the service
	token  string // of its debug flow
	lease  string // that its debug flow is due to
}

// record hands on what it is given.
func record(into chan seen) socket.Handler {
	return func(ctx context.Context, _ *socket.Conn, e bus.Event) error {
		s := seen{event: e, span: trace.SpanContextFromContext(ctx), token: debug.Token(ctx), lease: debug.Lease(ctx), caller: access.Caller(ctx)}
		if p, known := access.From(ctx); known {
			s.caller = p.Subject
		}
		into <- s
		return nil
	}
}

func next[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(limit):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
