package mesh_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// broken accepts connections and treats each as behave says, until the test ends.
func broken(t *testing.T, behave func(c net.Conn, ended <-chan struct{})) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ended := make(chan struct{})
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { defer c.Close(); behave(c, ended) })
		}
	})
	t.Cleanup(func() { close(ended); l.Close(); conns.Wait() })
	return l.Addr().String()
}

func stalls(_ net.Conn, ended <-chan struct{}) { <-ended }

func resets(c net.Conn, _ <-chan struct{}) {
	_, _ = http.ReadRequest(bufio.NewReader(c))
	_ = c.(*net.TCPConn).SetLinger(0)
}

func trickles(c net.Conn, ended <-chan struct{}) {
	_, _ = http.ReadRequest(bufio.NewReader(c)) // an answer that came before it would be nobody's
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
	for {
		select {
		case <-ended:
			return
		case <-time.After(5 * time.Millisecond):
			if _, err := io.WriteString(c, "."); err != nil {
				return
			}
		}
	}
}

// TestDeadlinesHold whatever the other end does, by both protocols, and whoever set them.
func TestDeadlinesHold(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs", "identity")
	const limit = 200 * time.Millisecond
	worst := map[string]time.Duration{}
	took := func(what string, run func(ctx context.Context) error, want func(error) bool) {
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			began := time.Now()
			err := run(ctx)
			cancel()
			if !want(err) {
				t.Errorf("%s: %v", what, err)
			}
			worst[what] = max(worst[what], time.Since(began)-limit)
		}
	}
	late := func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }
	for name, behave := range map[string]func(net.Conn, <-chan struct{}){"stalls": stalls, "trickles": trickles} {
		m := w.calls(t, "gateway", catalogs(broken(t, behave)))
		took("http "+name, func(ctx context.Context) error { _, _, err := get(ctx, m, "/"); return err }, late)
		put(t, m.Policies(), `{"timeout_ms":200}`)
		took("http "+name+", by policy", func(context.Context) error { _, _, err := get(context.Background(), m, "/"); return err }, late)
	}
	m := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{broken(t, stalls)}}})
	put(t, m.Policies(), `{"timeout_ms":200}`)
	conn, err := m.RPC("identity")
	check(t, err)
	took("grpc stalls", func(context.Context) error { return call(conn) }, func(err error) bool { return status.Code(err) == codes.DeadlineExceeded })
	late = func(err error) bool { return status.Code(err) == codes.DeadlineExceeded }
	m = w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{w.things(t, "identity", func(ctx context.Context) error {
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err() // its own time may be up first
	})}}})
	took("grpc, the handler stalls", func(ctx context.Context) error { return invoke(ctx, t, m, "identity", read, grpc.WaitForReady(true)) }, late)
	put(t, m.Policies(), `{"timeout_ms":200}`)
	took("grpc, the handler stalls, by policy", func(context.Context) error {
		return invoke(context.Background(), t, m, "identity", read, grpc.WaitForReady(true))
	}, late)
	for what, over := range worst {
		t.Logf("METRIC deadline_overshoot_ms{%s}=%d limit=100", what, over.Milliseconds())
	}
}

// TestAStallingDestinationIsLeftAlone, and found again: the breaker opens and closes, nobody waits meanwhile, and the edge
// counts every call.
func TestAStallingDestinationIsLeftAlone(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	r := prometheus.NewRegistry()
	var edges *telemetry.Edges
	var book peers.Book
	book.Set("catalogs", peers.Peer{HTTP: []string{broken(t, stalls)}})
	m := w.calls(t, "gateway", &book, watched(r), func(s *mesh.Settings) { edges = s.Edges })
	put(t, m.Policies(), `{"timeout_ms":110,"retries":0,"breaker":{"calls":10,"open_ms":300}}`)
	made, refused := 0, 0
	one := func() error {
		_, _, err := get(context.Background(), m, "/")
		if errors.Is(err, mesh.ErrOpen) {
			refused++
		} else {
			made++
		}
		return err
	}
	wait.For(t, 30*time.Second, "the breaker to open", func() bool { return errors.Is(one(), mesh.ErrOpen) })
	book.Set("catalogs", peers.Peer{HTTP: []string{web(t, says("well"))}})
	wait.For(t, 30*time.Second, "the breaker to close", func() bool {
		_ = one()
		return value(t, r, "signalbox_mesh_breaker_state", "catalogs") == 0
	})
	e := edges.All()[0]
	if e.Open || int(total(e)) != made || e.Errors < 10 || int(e.Errors) > made-2 || int(value(t, r, "signalbox_mesh_breaker_refused_total")) != refused {
		t.Errorf("made %d, refused %d; the edge has %+v", made, refused, e)
	}
}

// TestHalfOfTheReplicasAreLost: those that take no connection cost nobody an answer, those that reset cost no storm.
func TestHalfOfTheReplicasAreLost(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	for name, lost := range map[string]func() string{"refused": func() string { return nobody(t) }, "reset": func() string { return broken(t, resets) }} {
		r := prometheus.NewRegistry()
		var edges *telemetry.Edges
		addresses := []string{web(t, says("a")), lost(), web(t, says("b")), lost()}
		m := w.calls(t, "gateway", catalogs(addresses...), watched(r), func(s *mesh.Settings) { edges = s.Edges })
		const calls = 300
		var failures uint64
		for range calls {
			if _, _, err := get(t.Context(), m, "/"); err != nil {
				failures++
			}
		}
		e, retries := edges.All()[0], value(t, r, "signalbox_mesh_retries_total", "tried")
		refused := uint64(value(t, r, "signalbox_mesh_breaker_refused_total"))
		t.Logf("METRIC lost_half{%s}: failed=%d of %d, tried again=%v, refused by the breaker=%d", name, failures, calls, retries, refused)
		if total(e) != calls-refused || e.Errors != failures-refused {
			t.Errorf("%s: %d failures; the edge has %+v", name, failures, e)
		}
		if name == "refused" && failures != 0 || name == "reset" && retries > 10+0.06*calls+1 {
			t.Errorf("%s: %d calls failed, %v were tried again", name, failures, retries)
		}
	}
}

// TestInjectedFaults befall the share of calls that they are for, are counted, and stand on the span.
func TestInjectedFaults(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs", "identity")
	exporter := tracetest.NewInMemoryExporter()
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", peers.Static{"catalogs": {HTTP: []string{web(t, says("well"))}}, "identity": {RPC: []string{w.serve(t, "identity", fine)}}},
		watched(r), func(s *mesh.Settings) {
			s.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
		})
	conn, err := m.RPC("identity")
	check(t, err)
	put(t, m.Policies(), `{"retries":0}`)
	injected := func(kind string) float64 { return value(t, r, "signalbox_mesh_faults_injected_total", kind) }

	put(t, m.Faults(), `{"share":1,"abort":true}`, `{"destination":"catalogs","share":1,"delay_ms":20,"status":418}`) // the one that names it
	code, text, err := get(t.Context(), m, "/")
	if err != nil || code != 418 || injected("status") != 1 || injected("delay") != 1 {
		t.Errorf("%d %s, %v", code, text, err)
	}
	if attributes := fmt.Sprint(exporter.GetSpans()[0].Attributes); !contains(attributes, "signalbox.fault", "lease-b") {
		t.Errorf("span: %s", attributes)
	}
	if err := call(conn); status.Code(err) != codes.Unavailable || injected("abort") != 1 {
		t.Errorf("abort by gRPC: %v", err)
	}
	put(t, m.Faults(), `{"share":1,"abort":true,"protocol":"http"}`, `{"share":1,"code":"DATA_LOSS","protocol":"grpc"}`)
	if _, _, err := get(t.Context(), m, "/"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("abort: %v", err)
	}
	if err := call(conn); status.Code(err) != codes.DataLoss || injected("code") != 1 {
		t.Errorf("code: %v", err)
	}
	put(t, m.Faults(), `{"share":1,"delay_ms":60000}`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := get(ctx, m, "/"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a delay beyond the deadline: %v", err)
	}
	put(t, m.Faults(), `{"share":0.5,"status":503}`)
	struck := 0
	for range 200 {
		if code, _, err := get(t.Context(), m, "/"); errors.Is(err, mesh.ErrOpen) || code == 503 {
			struck++
		}
		put(t, m.Policies(), `{"off":true}`)
	}
	if struck < 60 || struck > 140 {
		t.Errorf("a share of one half befell %d of 200", struck)
	}
	put(t, m.Faults())
	if code, _, err := get(t.Context(), m, "/"); err != nil || code != 200 {
		t.Errorf("after the end of all: %d, %v", code, err)
	}
	check(t, call(conn))
}

func contains(text string, all ...string) bool {
	for _, one := range all {
		if !strings.Contains(text, one) {
			return false
		}
	}
	return true
}
