package sidecar_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// written is a stderr to look at while it is written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) holds(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), text)
}

// spooling is the configuration of a service that ships its lines, to nobody who answers.
func spooling(t *testing.T, more ...string) sidecar.Config {
	t.Helper()
	dir := t.TempDir()
	key, err := servicetoken.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "key.pem")
	if err := servicetoken.WriteKey(file, key); err != nil {
		t.Fatal(err)
	}
	return config(t, append(more, "SIGNALBOX_STATE_DIR="+dir, "SIGNALBOX_KEY_FILE="+file, "SIGNALBOX_PEERS=view-service=127.0.0.1:1/127.0.0.1:1")...)
}

// deaf is a view-service that takes log records and hears of nothing else.
type deaf struct {
	collector.UnimplementedLogsServiceServer
}

func (deaf) Export(context.Context, *collector.ExportLogsServiceRequest) (*collector.ExportLogsServiceResponse, error) {
	return &collector.ExportLogsServiceResponse{}, nil
}

// A stop of which view-service could not be told is marked, so that the next start says how far the run went.
func TestAGoodbyeThatNobodyHearsIsLeftToTheNextStart(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterLogsServiceServer(server, deaf{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	c := spooling(t)
	c.Peers = "view-service=" + listener.Addr().String() + "/" + listener.Addr().String()
	var stderr written
	s := build(t, t.Context(), c, sidecar.Settings{Stderr: &stderr})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	wait.For(t, limit, "the start", func() bool { return stderr.holds("service") })
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(c.StateDir, "spool", "orders", "orders-1", "*", "closed"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if text, err := os.ReadFile(found[0]); err != nil || !strings.Contains(string(text), `"untold":true`) {
		t.Errorf("%s %v", text, err)
	}
}

// closedEpochs counts the runs that wrote down their end.
func closedEpochs(t *testing.T, c sidecar.Config) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.StateDir, "spool", "orders", "orders-1", "*", "closed"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// G-7, G-8: what hangs on the way costs the stop its time, but neither the spool's end nor the last lines.
func TestG8_WhatHangsDoesNotKeepTheLogsOpen(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(s *sidecar.Sidecar, begun, over chan struct{}){
		"a handler": func(s *sidecar.Sidecar, begun, over chan struct{}) {
			s.Mount("GET /hang", access.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(begun); <-over }))
			go func() { // the listener is bound already
				if resp, err := http.Get("http://" + s.PublicAddr() + "/hang"); err == nil {
					_ = resp.Body.Close()
				}
			}()
		},
		"a worker": func(s *sidecar.Sidecar, begun, over chan struct{}) {
			s.Go("stubborn", func(context.Context) error { close(begun); <-over; return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stderr written
			c := spooling(t, "SIGNALBOX_STOP_TIMEOUT=300ms")
			s := build(t, t.Context(), c, sidecar.Settings{Stderr: &stderr})
			begun, over := make(chan struct{}), make(chan struct{})
			defer close(over)
			hang(s, begun, over)
			ctx, cancel := context.WithCancel(t.Context())
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			<-begun
			cancel()
			if err := <-ran; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Run: %v, want it to say what hung", err)
			}
			if !stderr.holds("service is stopping") {
				t.Error("the last lines are not on stderr")
			}
			if n := closedEpochs(t, c); n != 1 {
				t.Errorf("%d epochs are closed, want the one", n)
			}
			again := build(t, t.Context(), c, sidecar.Settings{}) // nobody holds the spool any more
			if err := again.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The time for balancers to notice is not taken from the time to finish.
func TestDrainDelayIsNotTakenFromTheStop(t *testing.T) {
	t.Parallel()
	c := config(t, "SIGNALBOX_STOP_TIMEOUT=2s", "SIGNALBOX_DRAIN_DELAY=2s")
	s := build(t, t.Context(), c, sidecar.Settings{})
	finished := make(chan struct{})
	s.Go("busy", func(ctx context.Context) error { <-ctx.Done(); close(finished); return ctx.Err() })
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	wait.For(t, limit, "the service to answer", func() bool {
		resp, err := http.Get("http://" + s.PublicAddr() + "/liveness")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil
	})
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	select {
	case <-finished:
	default:
		t.Error("the work was not waited for")
	}
}

// A stop that takes its time before Run does not hold up who asks for it a second time, beyond his own patience.
func TestStopIsBoundedForEverybody(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	s := build(t, t.Context(), config(t), sidecar.Settings{Bus: func(bus.Client) (bus.Bus, error) { return stuckBus{over: over}, nil }})
	first := make(chan error, 1)
	go func() { first <- s.Stop(t.Context()) }()
	wait.For(t, limit, "the first stop to begin", func() bool { return s.Health().Report().Status == health.Draining })
	short, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(short); !errors.Is(err, context.Canceled) {
		t.Errorf("the second Stop: %v", err)
	}
	close(over)
	if err := <-first; err != nil {
		t.Errorf("the first Stop: %v", err)
	}
}

// stuckBus takes its time to close.
type stuckBus struct {
	bus.Bus
	over chan struct{}
}

func (b stuckBus) Close(context.Context) error { <-b.over; return nil }
