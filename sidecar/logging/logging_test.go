package logging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signalbox-mesh/signalbox/sidecar/ship"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

func settings(t testing.TB, instance string) Settings {
	dir := filepath.Join(t.TempDir(), "catalogs", instance)
	return Settings{Service: "catalogs", Instance: instance, Version: "1", Environment: "test", Stderr: io.Discard, SpoolDir: dir}
}

func opened(t testing.TB, s Settings) *Logs {
	t.Helper()
	logs, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(context.Background()) })
	return logs
}

// receiver collects the messages that reach it.
type receiver struct {
	collector.UnimplementedLogsServiceServer
	mu       sync.Mutex
	messages []string
	epochs   map[string]bool
	places   map[string]string // of the ledger → message
	clashes  int               // places with two contents
}

func (r *receiver) Export(_ context.Context, req *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rl := range req.ResourceLogs {
		epoch := attr(rl.Resource.Attributes, ship.AttrEpoch).GetStringValue()
		r.epochs[epoch] = true
		for _, sl := range rl.ScopeLogs {
			for _, lr := range sl.LogRecords {
				place := fmt.Sprint(epoch, attr(lr.Attributes, ship.AttrClass), attr(lr.Attributes, ship.AttrSeq))
				r.take(place, sl.Scope.Name+": "+lr.Body.GetStringValue())
			}
		}
	}
	return &collector.ExportLogsServiceResponse{}, nil
}

func attr(all []*common.KeyValue, key string) *common.AnyValue {
	for _, a := range all {
		if a.Key == key {
			return a.Value
		}
	}
	return nil
}

// take ignores what comes again, as a store does; mu is held.
func (r *receiver) take(place, message string) {
	before, again := r.places[place]
	if again && before != message {
		r.clashes++
	}
	if !again {
		r.places[place] = message
		r.messages = append(r.messages, message)
	}
}

func (r *receiver) heard(epoch string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.epochs[epoch]
}

func (r *receiver) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.messages, "\n")
}

func serve(t testing.TB) (*receiver, *grpc.ClientConn) {
	t.Helper()
	r := &receiver{epochs: map[string]bool{}, places: map[string]string{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterLogsServiceServer(server, r)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return r, conn
}

func shipping(t testing.TB, l *Logs, conn *grpc.ClientConn) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Ship(ctx, conn) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestFromCallToStore(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	logs := opened(t, s)
	logs.Logger("catalogs").Info("before shipping")
	stop := shipping(t, logs, conn)
	logs.Logger("catalogs.store").Error("broken", KeyError, errors.New("x"))
	logs.Logger("catalogs").Info("moved", KeyAudit, true)
	limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := logs.Drain(limit); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"catalogs: before shipping", "catalogs.store: broken", "catalogs: moved"} {
		if !strings.Contains(r.all(), want) {
			t.Errorf("%q is not among %s", want, r.all())
		}
	}
	for _, c := range logs.Ledger() {
		if want := map[string]uint64{"info": 1, "error": 2}[c.Name]; c.Issued != want || c.Acked != want || c.Closed {
			t.Errorf("ledger %+v", c)
		}
	}
	if !r.heard(logs.Epoch()) || logs.Progress() != nil {
		t.Errorf("epoch %s heard: %v, progress %v", logs.Epoch(), r.heard(logs.Epoch()), logs.Progress())
	}
	stop()
	if err := logs.Close(limit); err != nil {
		t.Fatal(err)
	}
	if !logs.Ledger()[0].Closed {
		t.Error("not closed")
	}
}

// TestL11_NextStartShipsTheRest, and says which run it was if that did not stop cleanly.
func TestL11_NextStartShipsTheRest(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	first := opened(t, s)
	first.Logger("catalogs").Warn("left over")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := first.Drain(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("drain without a shipper: %v", err)
	}
	if _, err := New(s); !errors.Is(err, spool.ErrHeld) {
		t.Errorf("a second one on the same folder: %v", err)
	}
	if err := first.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	second := opened(t, s)
	defer shipping(t, second, conn)()
	end := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !strings.Contains(r.all(), "left over"); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("not shipped")
		}
	}
	if !r.heard(first.Epoch()) || first.Epoch() == second.Epoch() {
		t.Errorf("first epoch %s heard: %v, second %s", first.Epoch(), r.heard(first.Epoch()), second.Epoch())
	}
}

// TestL12_OwnTroubleGoesToStderrAlone.
func TestL12_OwnTroubleGoesToStderrAlone(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	s := settings(t, "catalogs-1")
	s.Stderr = &stderr
	logs := opened(t, s)
	before := logs.waiting()
	logs.trouble(errors.New("the store is down"))
	if logs.waiting() != before {
		t.Error("the shipper feeds itself")
	}
	_ = logs.Close(context.Background())
	if !strings.Contains(stderr.String(), "the store is down") {
		t.Errorf("stderr: %s", stderr.String())
	}
}

func TestWithoutSpool(t *testing.T) {
	t.Parallel()
	logs := opened(t, Settings{Service: "s", Instance: "s-1", Stderr: io.Discard})
	logs.Logger("s").Error("x")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := errors.Join(logs.Ship(gone, nil), logs.Drain(gone), logs.Progress()); err != nil || logs.Ledger() != nil || logs.Epoch() == "" {
		t.Errorf("%v, ledger %v, epoch %q", err, logs.Ledger(), logs.Epoch())
	}
}

// TestFailedNewLeavesNothing: the folder is free again, no goroutine runs (TestMain).
func TestFailedNewLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, taken := range []string{"signalbox_log_dropped_total", "signalbox_log_shipped_bytes_total", "signalbox_log_stderr_dropped_total"} {
		s := settings(t, "catalogs-1")
		s.Registerer = prometheus.NewRegistry()
		s.Registerer.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: taken}))
		if _, err := New(s); err == nil {
			t.Errorf("no error with %s taken", taken)
		}
		s.Registerer = nil
		opened(t, s)
	}
}
