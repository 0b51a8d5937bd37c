package edge

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// roundTrip is a service in a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type nobody struct{}

func (nobody) Verify(context.Context, string) (access.Principal, error) {
	return access.Principal{Subject: "x"}, nil
}

func serve(t *testing.T, limits Limits, service roundTrip) *httptest.Server {
	t.Helper()
	table, err := route.NewTable([]route.Route{
		{Pattern: "/api/x/", Service: "x", Rule: access.Public(), Body: 1 << 20, Timeout: time.Second},
		{Pattern: "/api/admin/", Service: "x", Rule: access.Has(access.Admin), Body: 1 << 20, Timeout: time.Second},
		{Method: "GET", Pattern: "/panic", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("deep secret") }), Rule: access.Public(), Timeout: time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := New(Settings{
		Routes: table, Upstream: service, Verifier: nobody{}, Limiter: ratelimit.NewLocal(nil), Limits: limits, Logger: slog.New(slog.DiscardHandler),
		TracerProvider: noop.NewTracerProvider(), Propagator: propagation.TraceContext{},
	})
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, s *httptest.Server, method, path string, body io.Reader, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestSlowServiceIs504(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.Total = 50 * time.Millisecond
	s := serve(t, limits, func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	status, text := ask(t, s, "GET", "/api/x/y", nil)
	if status != http.StatusGatewayTimeout || !strings.Contains(text, `"code":"unavailable"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestW13_APanicTellsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, DefaultLimits(), nil)
	status, text := ask(t, s, "GET", "/panic", nil)
	if status != http.StatusInternalServerError || strings.Contains(text, "secret") || !strings.Contains(text, `"code":"internal"`) {
		t.Errorf("%d %s", status, text)
	}
}

func TestSlowBodyIs408(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.Grace = 50 * time.Millisecond
	s := serve(t, limits, func(r *http.Request) (*http.Response, error) {
		_, err := io.ReadAll(r.Body)
		return nil, err
	})
	slow, end := io.Pipe()
	go func() { _, _ = end.Write([]byte("slow")) }()
	status, text := ask(t, s, "POST", "/api/x/y", slow)
	if status != http.StatusRequestTimeout || !strings.Contains(text, `"code":"invalid"`) {
		t.Errorf("%d %s", status, text)
	}
}

// TestSlowSteadyBodyPasses: above the slowest rate a body may take its time.
func TestSlowSteadyBodyPasses(t *testing.T) {
	t.Parallel()
	began := time.Now()
	l := DefaultLimits()
	for _, c := range []struct {
		moved int64
		want  time.Duration
	}{{0, 5 * time.Second}, {1024, 6 * time.Second}, {10 << 10, 15 * time.Second}} {
		if got := allowed(began, c.moved, l).Sub(began); got != c.want {
			t.Errorf("after %d bytes: %v, want %v", c.moved, got, c.want)
		}
	}
}

func TestRuleOfARow(t *testing.T) {
	t.Parallel()
	s := serve(t, DefaultLimits(), nil)
	if status, text := ask(t, s, "GET", "/api/admin/y", nil, "Authorization", "Bearer x"); status != http.StatusForbidden {
		t.Errorf("%d %s", status, text)
	}
}

// TestAKeptConnectionForgetsItsDeadline: an answer without a body comes even long after the one before.
func TestAKeptConnectionForgetsItsDeadline(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.Reader = 50 * time.Millisecond
	s := serve(t, limits, func(r *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}
		if r.Method == http.MethodGet {
			resp.StatusCode, resp.Body = http.StatusOK, io.NopCloser(strings.NewReader("text"))
		}
		return resp, nil
	})
	if status, text := ask(t, s, "GET", "/api/x/y", nil); status != http.StatusOK || text != "text" {
		t.Fatalf("%d %s", status, text)
	}
	<-time.After(2 * limits.Reader)
	if status, _ := ask(t, s, "DELETE", "/api/x/y", nil); status != http.StatusNoContent {
		t.Errorf("%d", status)
	}
}

// TestW3_SlowReadersAreLeft: a client that does not take its answer does not hold the service's.
func TestW3_SlowReadersAreLeft(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	limits.Reader = 50 * time.Millisecond
	left := make(chan struct{})
	s := serve(t, limits, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: &endless{left: left}, Request: r}, nil
	})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /api/x/y HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-left:
	case <-time.After(30 * time.Second):
		t.Fatal("the answer is still being written")
	}
}

// endless is a body without an end.
type endless struct {
	left chan struct{}
	once sync.Once
}

func (e *endless) Read(p []byte) (int, error) { return len(p), nil }

func (e *endless) Close() error {
	e.once.Do(func() { close(e.left) })
	return nil
}

// TestABodyThatCannotBeReadIs400: it is no failure of the service that was to get it.
func TestABodyThatCannotBeReadIs400(t *testing.T) {
	t.Parallel()
	s := serve(t, DefaultLimits(), func(r *http.Request) (*http.Response, error) {
		_, err := io.ReadAll(r.Body)
		return nil, err
	})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/x/y HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\nno number\r\n")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(text), `"code":"invalid"`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}
