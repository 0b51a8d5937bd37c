// Package collector runs a private OpenTelemetry Collector with a configuration as docs/examples/collector has it: its addresses
// come from the environment. `make collector` builds the program.
package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// ErrNotFound says how to come by what is missing.
var ErrNotFound = errors.New("there is no OpenTelemetry Collector here; build it, once for this machine, with: make collector")

// Settings of a server.
type Settings struct {
	Config string            // the file
	Env    map[string]string // what it takes from the environment, beside OTLP_GRPC, OTLP_HTTP, METRICS_HOST and METRICS_PORT
	Log    io.Writer         // the server's lines; nil: discarded
}

// Server is one Collector, running or not. Safe for concurrent use; Start, Stop and Kill wait for one another.
type Server struct {
	settings Settings
	program  string

	mu      sync.Mutex
	ports   []int // gRPC, HTTP, metrics
	process *guard.Process
}

// New finds the newest program that `make collector` has built. It starts nothing.
func New(s Settings) (*Server, error) {
	program := host.Built("collector")
	if program == "" {
		return nil, ErrNotFound
	}
	config, err := filepath.Abs(s.Config)
	if err != nil {
		return nil, fmt.Errorf("find the Collector's configuration: %w", err)
	}
	s.Config = config
	return &Server{settings: s, program: program}, nil
}

// Start runs the server, without any trace, on the ports of its last start, and returns when all of them are open. Starting a
// running server does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.Running() {
		return nil
	}
	if err := s.choosePorts(); err != nil {
		return fmt.Errorf("start the Collector: %w", err)
	}
	p, err := guard.Start(ctx, guard.Command{
		Name: "collector", Path: s.program, Args: []string{"--config=file:" + s.settings.Config}, Env: s.environ(),
		Disposable: true, Stdout: s.settings.Log, Stderr: s.settings.Log,
	})
	if err != nil {
		return fmt.Errorf("start the Collector: %w", err)
	}
	if err := p.Await(ctx, 20*time.Millisecond, func() error { return s.answers(ctx) }); err != nil {
		return errors.Join(fmt.Errorf("start the Collector: %w", err), p.Kill())
	}
	s.process = p
	return nil
}

func (s *Server) choosePorts() error {
	for len(s.ports) < 3 {
		port, err := host.FreePort()
		if err != nil {
			return err
		}
		s.ports = append(s.ports, port)
	}
	return nil
}

func (s *Server) environ() []string {
	env := []string{"TZ=UTC", "GOMAXPROCS=2", "OTLP_GRPC=" + s.address(0), "OTLP_HTTP=" + s.address(1),
		"METRICS_HOST=127.0.0.1", "METRICS_PORT=" + strconv.Itoa(s.ports[2])}
	for name, value := range s.settings.Env {
		env = append(env, name+"="+value)
	}
	return env
}

func (s *Server) address(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports[port]))
}

func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return host.Open(ctx, s.address(0), s.address(1), s.address(2))
}

// Stop ends the server, which decides on the traces that it holds, and sends on those that it keeps. Stopping a stopped server does
// nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Stop(ctx)
}

// Kill is kill -9 of the server, by the handle it was started with.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.process.Kill(); err != nil {
		return fmt.Errorf("kill the Collector: %w", err)
	}
	return nil
}

// The addresses are valid once Start has returned; they stay the same afterwards.

// OTLPGRPC is where OTLP/gRPC is taken: a base URL.
func (s *Server) OTLPGRPC() string { return s.url(0) }

// OTLPHTTP is where OTLP/HTTP is taken: a base URL.
func (s *Server) OTLPHTTP() string { return s.url(1) }

// Metrics is the URL of what it tells of itself.
func (s *Server) Metrics() string { return s.url(2) + "/metrics" }

func (s *Server) url(port int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.address(port)
}
