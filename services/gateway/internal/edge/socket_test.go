package edge

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

const live = "/api/x/v1/live"

// subjects are verified: a token is its user's name, but that of eve.
type subjects struct{}

func (subjects) Verify(_ context.Context, token string) (access.Principal, error) {
	if token == "eve" {
		return access.Principal{}, problem.New(problem.Unauthorized, "the token has expired")
	}
	return access.Principal{Subject: token}, nil
}

// front is an edge with one row that may be upgraded, before a service that answers each message with who has sent it.
type front struct {
	*httptest.Server
	edge      *Edge
	registry  *prometheus.Registry
	service   *socket.Sockets
	protocols chan string // that the service was asked for
}

func newFront(t *testing.T, perUser int) *front {
	t.Helper()
	f := &front{registry: prometheus.NewRegistry(), service: socket.New(socket.Settings{Service: "x"}), protocols: make(chan string, 16)}
	api := web.New(web.Settings{Service: "x", Verifier: subjects{}})
	api.Handle("GET "+live, access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.protocols <- strings.Join(r.Header.Values(protocols), "|")
		_, _ = f.service.Accept(w, r, socket.Options{Handle: func(ctx context.Context, c *socket.Conn, e bus.Event) error {
			p, _ := access.From(ctx)
			return c.Send(ctx, bus.Event{Type: "answer", Subject: p.Subject, Data: e.Data})
		}})
	}))
	upstream := httptest.NewServer(api.Handler())
	book := &peers.Book{}
	book.Set("x", peers.Peer{HTTP: []string{upstream.Listener.Addr().String()}})
	calls := mesh.New(mesh.Settings{Service: "gateway", Peers: book})
	table, err := route.NewTable([]route.Route{
		{Method: "GET", Pattern: live, Service: "x", Rule: access.SignedIn(), Timeout: time.Second, Socket: true},
		{Pattern: "/api/x/", Service: "x", Rule: access.SignedIn(), Body: 1 << 20, Timeout: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.edge = New(Settings{
		Routes: table, Upstream: calls.Proxy(mesh.TransportSettings{}), Verifier: subjects{}, Limiter: ratelimit.NewLocal(nil), Limits: DefaultLimits(),
		SocketsPerUser: perUser, Origins: []string{"https://studio.example.org"}, Logger: slog.New(slog.DiscardHandler), Registerer: f.registry,
		TracerProvider: noop.NewTracerProvider(), Propagator: propagation.TraceContext{},
	})
	f.Server = httptest.NewServer(f.edge)
	t.Cleanup(func() {
		f.edge.Drain()
		_ = f.service.Close(context.Background())
		f.Close()
		upstream.Close()
		_ = calls.Close()
	})
	return f
}

// page connects as a browser does.
func (f *front) page(t *testing.T, header http.Header, protocols ...string) (*websocket.Conn, *http.Response) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, f.URL+live, &websocket.DialOptions{HTTPHeader: header, Subprotocols: protocols})
	if err != nil && resp == nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil, resp
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c, resp
}

func (f *front) sockets(t *testing.T, want float64) {
	t.Helper()
	wait.For(t, 10*time.Second, "the count of sockets", func() bool { return testutil.ToFloat64(f.edge.metrics.sockets) == want })
}

// A page's token comes among the subprotocols, reaches the service where tokens are, and is nowhere else.
func TestAPageConnects(t *testing.T) {
	t.Parallel()
	f := newFront(t, 0)
	for _, origin := range []string{"", f.URL, "https://studio.example.org"} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		c, resp := f.page(t, header, socket.Subprotocol, bearerProtocol+"ann")
		if c == nil {
			t.Fatalf("from %q: %s", origin, resp.Status)
		}
		if got := <-f.protocols; got != socket.Subprotocol || c.Subprotocol() != socket.Subprotocol || resp.Header.Get("Authorization") != "" {
			t.Errorf("the service was asked for %q, and answered %v", got, resp.Header)
		}
		f.sockets(t, 1)
		ask := `{"specversion":"1.0","id":"1","source":"/page","type":"question","data":` + `"` + strings.Repeat("x", 60_000) + `"}`
		if err := c.Write(t.Context(), websocket.MessageText, []byte(ask)); err != nil {
			t.Fatal(err)
		}
		c.SetReadLimit(1 << 20)
		if _, text, err := c.Read(t.Context()); err != nil || !bytes.Contains(text, []byte(`"subject":"ann"`)) || len(text) < 60_000 {
			t.Fatalf("answered %.200s, %v", text, err)
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
		f.sockets(t, 0)
	}
}

func TestWhoMayNotConnect(t *testing.T) {
	t.Parallel()
	f := newFront(t, 0)
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Authorization": {"Bearer ann"}}
	for name, c := range map[string]struct {
		status int
		path   string
		edit   func(http.Header)
	}{
		"a stranger's page": {403, live, func(h http.Header) { h.Set("Origin", "https://evil.example.org") }},
		"a sandboxed page":  {403, live, func(h http.Header) { h.Set("Origin", "null") }},
		"nobody":            {401, live, func(h http.Header) { h.Del("Authorization") }},
		"two tokens":        {401, live, func(h http.Header) { h.Set(protocols, bearerProtocol+"ann") }},
		"two in the list": {401, live, func(h http.Header) {
			h.Del("Authorization")
			h.Set(protocols, bearerProtocol+"ann, "+bearerProtocol+"bob")
		}},
		"an empty one":            {401, live, func(h http.Header) { h.Del("Authorization"); h.Set(protocols, bearerProtocol) }},
		"one that does not hold":  {401, live, func(h http.Header) { h.Del("Authorization"); h.Set(protocols, bearerProtocol+"eve") }},
		"another protocol":        {400, live, func(h http.Header) { h.Set("Upgrade", "h2c") }},
		"two of them":             {400, live, func(h http.Header) { h.Add("Upgrade", "h2c") }},
		"half a handshake":        {400, live, func(h http.Header) { h.Del("Upgrade") }},
		"a row that does not":     {400, "/api/x/v1/types", func(http.Header) {}},
		"no upgrade at all":       {426, live, func(h http.Header) { h.Del("Upgrade"); h.Del("Connection") }},
		"a version nobody speaks": {426, live, func(h http.Header) { h.Set("Sec-Websocket-Version", "8") }},
	} {
		h := upgrade.Clone()
		c.edit(h)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = h
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || resp.Header.Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		_ = resp.Body.Close()
	}
	f.sockets(t, 0)
}

func TestSocketsOfAUser(t *testing.T) {
	t.Parallel()
	f := newFront(t, 1)
	first, _ := f.page(t, nil, socket.Subprotocol, bearerProtocol+"ann")
	if c, resp := f.page(t, nil, socket.Subprotocol, bearerProtocol+"ann"); c != nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a second one: %s", resp.Status)
	}
	if c, resp := f.page(t, nil, socket.Subprotocol, bearerProtocol+"bob"); c == nil {
		t.Errorf("another user: %s", resp.Status)
	}
	if n := testutil.ToFloat64(f.edge.metrics.refused.WithLabelValues("sockets")); n != 1 {
		t.Errorf("counted %v", n)
	}
	_ = first.Close(websocket.StatusNormalClosure, "")
	f.sockets(t, 1)
	if c, resp := f.page(t, nil, socket.Subprotocol, bearerProtocol+"ann"); c == nil {
		t.Errorf("after the first one's end: %s", resp.Status)
	}
}

// A gateway that stops tells its clients to come again, elsewhere; a service that stops does so through the gateway.
func TestPagesAreToldToComeAgain(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*front){
		"gateway": func(f *front) { f.edge.Drain() }, "service": func(f *front) { _ = f.service.Close(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFront(t, 0)
			c, _ := f.page(t, nil, socket.Subprotocol, bearerProtocol+"ann")
			if err := c.Write(t.Context(), websocket.MessageText, []byte(`{"specversion":"1.0","id":"1","source":"/page","type":"question"}`)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(t.Context()); err != nil {
				t.Fatal(err)
			}
			go stop(f)
			if _, _, err := c.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
				t.Errorf("read %v", err)
			}
			f.sockets(t, 0)
		})
	}
}

// written is a connection that keeps what is written to it.
type written struct {
	net.Conn
	bytes.Buffer
}

func (w *written) Write(p []byte) (int, error)      { return w.Buffer.Write(p) }
func (w *written) Read(p []byte) (int, error)       { return w.Buffer.Read(p) }
func (*written) SetWriteDeadline(_ time.Time) error { return nil }

// However the stream is cut, the gateway's word stands between two frames, or nowhere.
func TestAWordBetweenFrames(t *testing.T) {
	t.Parallel()
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\r\n\r\n"
	stream, ends := head, map[int]bool{len(head): true}
	for _, frame := range []string{"\x81\x00", "\x81\x03abc", "\x89\x80mask", "\x82\x7e\x00\x80" + strings.Repeat("\r\n\r\n", 32), "\x01\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + strings.Repeat("z", 65536), "\x80\x02ok"} {
		stream += frame
		ends[len(stream)] = true
	}
	for at := 0; at <= len(stream); at++ {
		if at > len(head)+200 && at < len(stream)-200 && at%997 != 0 {
			continue
		}
		for _, chunk := range []int{1, 7, len(stream)} {
			if chunk == 1 && at > 600 {
				continue
			}
			to := &written{}
			f := &frames{Conn: to}
			for from := 0; from < at; from += chunk {
				if _, err := f.Write([]byte(stream[from:min(from+chunk, at)])); err != nil {
					t.Fatal(err)
				}
			}
			f.restart()
			f.restart()
			want := stream[:at]
			if ends[at] {
				want += restart
			}
			if to.String() != want {
				t.Fatalf("after %d bytes in pieces of %d: %d bytes, want %d", at, chunk, to.Len(), len(want))
			}
			if _, err := f.Write([]byte("x")); (err == nil) == ends[at] {
				t.Fatalf("after %d bytes: %v", at, err)
			}
		}
	}
}
