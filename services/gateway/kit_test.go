package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// rig is a running gateway before services that tests make.
type rig struct {
	t       *testing.T
	gateway *gateway.Service
	url     string
	addr    string
	ops     string
	key     jose.JSONWebKey
	log     *output
	cancel  context.CancelFunc
}

// output collects what is written to stderr.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func config() gateway.Config {
	return gateway.Config{
		Config: sidecar.Config{
			HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0", LogLevel: "info", StopTimeout: 5 * time.Second,
		},
		PerUser: "0", PerAddress: "0",
	}
}

// start runs a gateway whose services are the given handlers; a service without one is away.
func start(t *testing.T, c gateway.Config, services map[string]http.Handler) *rig {
	t.Helper()
	key, err := usertoken.NewKey()
	check(t, err)
	r := &rig{t: t, key: key, log: &output{}}
	book := &peers.Book{}
	for _, name := range []string{"identity", "catalogs", "scheduler", "view-service", "web-studio"} {
		book.Set(name, peers.Peer{HTTP: []string{closed(t)}})
		if h := services[name]; h != nil {
			server := httptest.NewServer(healthy(h))
			t.Cleanup(server.Close)
			book.Set(name, peers.Peer{HTTP: []string{server.Listener.Addr().String()}})
		}
	}
	verifier := usertoken.New(usertoken.Settings{Keys: func(context.Context) (jose.JSONWebKeySet, error) { return usertoken.Public(key), nil }})
	r.gateway, err = gateway.New(t.Context(), c, sidecar.Settings{Peers: book, Verifier: verifier, Stderr: r.log})
	check(t, err)
	r.addr, r.ops = r.gateway.PublicAddr(), r.gateway.OpsAddr()
	r.url = "http://" + r.addr
	r.run()
	return r
}

// windowed is a service whose health a test has a hand in.
type windowed struct {
	http.Handler
	health *health.Health
}

// healthy is a service whose /hc is its sidecar's.
func healthy(h http.Handler) http.Handler {
	hc := health.New(health.Settings{}).HC()
	if w, ok := h.(windowed); ok {
		hc = w.health.HC()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hc" {
			hc.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	ran := make(chan error, 1)
	go func() { ran <- r.gateway.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	wait.For(r.t, 10*time.Second, "the gateway", func() bool {
		resp, err := http.Get("http://" + r.ops + "/liveness")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

func (r *rig) token(subject string, grants ...access.Grant) string {
	r.t.Helper()
	token, err := usertoken.Sign(r.key, access.Principal{Subject: subject, Name: subject, Grants: grants}, time.Minute)
	check(r.t, err)
	return token
}

type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
	closed bool // the connection, after this answer
}

func (a answer) code() string {
	s, _ := a.body["code"].(string)
	return s
}

func (r *rig) call(method, path, token string, body io.Reader, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, body)
	check(r.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	check(r.t, err)
	return read(r.t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &a.body)
	return a
}

// raw sends bytes as they are over one connection and reads as many answers as come until limit.
func (r *rig) raw(limit time.Duration, text string) []answer {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	check(r.t, err)
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	_, _ = io.WriteString(conn, text)
	var all []answer
	reader := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(reader, nil)
		if err != nil {
			return all
		}
		body, _ := io.ReadAll(resp.Body)
		a := answer{status: resp.StatusCode, header: resp.Header, text: string(body), closed: resp.Close}
		_ = json.Unmarshal(body, &a.body)
		all = append(all, a)
	}
}

// echo is a service that tells what it got.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Server", "leaky/1.0")
		w.Header().Set("X-Trace-Id", "another")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"service": name, "uri": r.RequestURI, "method": r.Method, "header": r.Header, "host": r.Host, "size": len(body),
		})
	})
}

func echoes() map[string]http.Handler {
	all := map[string]http.Handler{}
	for _, name := range []string{"identity", "catalogs", "scheduler", "view-service", "web-studio"} {
		all[name] = echo(name)
	}
	return all
}

func want(t *testing.T, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code {
		t.Fatalf("got %d %.200s, want %d %s", a.status, a.text, status, code)
	}
	if code != "" && a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("the problem's type is %q", a.header.Get("Content-Type"))
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func repeat(n int) io.Reader { return strings.NewReader(strings.Repeat("x", n)) }
