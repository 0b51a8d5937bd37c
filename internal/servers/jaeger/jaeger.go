// Package jaeger runs a private Jaeger all-in-one, which takes spans by OTLP, Thrift and Zipkin, keeps them in memory,
// and answers by its query API and page. `make jaeger` builds it.
package jaeger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// ErrNotFound says how to come by what is missing.
var ErrNotFound = errors.New("there is no Jaeger here; build it, once for this machine, with: make jaeger")

// maxTraces bounds what it keeps in memory.
const maxTraces = 50_000

// Settings of a server.
type Settings struct {
	Log io.Writer // the server's lines; nil: discarded
}

// Server is one Jaeger, running or not. Safe for concurrent use; Start, Stop and Kill wait for one another.
type Server struct {
	settings Settings
	program  string

	mu      sync.Mutex
	ports   map[string]int
	process *guard.Process
}

// Its doors, by the flag that opens each.
const (
	otlpGRPC  = "--collector.otlp.grpc.host-port"
	otlpHTTP  = "--collector.otlp.http.host-port"
	thrift    = "--collector.http-server.host-port"
	zipkin    = "--collector.zipkin.host-port"
	collector = "--collector.grpc-server.host-port"
	query     = "--query.http-server.host-port"
	queryGRPC = "--query.grpc-server.host-port"
	admin     = "--admin.http.host-port"
)

func doors() []string {
	return []string{otlpGRPC, otlpHTTP, thrift, zipkin, collector, query, queryGRPC, admin}
}

// New finds the binary: the newest that `make jaeger` has built, else jaeger-all-in-one in the PATH. It starts nothing.
func New(s Settings) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	return &Server{settings: s, program: program}, nil
}

func find() (string, error) {
	if path := host.Built("jaeger"); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("jaeger-all-in-one"); err == nil {
		return path, nil
	}
	return "", ErrNotFound
}

// Start runs the server, empty, on the ports of its last start, and returns when it answers. Starting a running server
// does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.Running() {
		return nil
	}
	args, err := s.arguments()
	if err != nil {
		return fmt.Errorf("start Jaeger: %w", err)
	}
	p, err := guard.Start(ctx, guard.Command{
		Name: "jaeger", Path: s.program, Args: args, Env: []string{"TZ=UTC", "SPAN_STORAGE_TYPE=memory", "GOMAXPROCS=2"},
		StopSignal: syscall.SIGKILL, // it keeps nothing, and would wait ten seconds for whoever is still connected
		Disposable: true, Stdout: s.settings.Log, Stderr: s.settings.Log,
	})
	if err != nil {
		return fmt.Errorf("start Jaeger: %w", err)
	}
	if err := p.Await(ctx, 20*time.Millisecond, func() error { return s.answers(ctx) }); err != nil {
		return errors.Join(fmt.Errorf("start Jaeger: %w", err), p.Kill())
	}
	s.process = p
	return nil
}

func (s *Server) arguments() ([]string, error) {
	if s.ports == nil {
		ports := map[string]int{}
		for _, door := range doors() {
			port, err := host.FreePort()
			if err != nil {
				return nil, err
			}
			ports[door] = port
		}
		s.ports = ports
	}
	args := []string{"--memory.max-traces=" + strconv.Itoa(maxTraces), "--log-level=warn"}
	for _, door := range doors() {
		args = append(args, door+"="+s.address(door))
	}
	return args, nil
}

func (s *Server) address(door string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports[door]))
}

// answers is nil when the health check is 200 and each door is open.
func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address(admin)+"/", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("its health check answers %s", resp.Status)
	}
	var all []string
	for _, door := range doors() {
		all = append(all, s.address(door))
	}
	return host.Open(ctx, all...)
}

// Stop ends the server; its traces are gone. Stopping a stopped server does nothing.
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
		return fmt.Errorf("kill Jaeger: %w", err)
	}
	return nil
}

// The addresses are valid once Start has returned; they stay the same afterwards.

// OTLPGRPC is where OTLP/gRPC is taken: a base URL.
func (s *Server) OTLPGRPC() string { return s.url(otlpGRPC) }

// OTLPHTTP is where OTLP/HTTP is taken: a base URL.
func (s *Server) OTLPHTTP() string { return s.url(otlpHTTP) }

// Thrift is the URL that takes Jaeger's own Thrift over HTTP.
func (s *Server) Thrift() string { return s.url(thrift) + "/api/traces" }

// Zipkin is the URL that takes Zipkin's JSON.
func (s *Server) Zipkin() string { return s.url(zipkin) + "/api/v2/spans" }

// Query is the base URL of the query API and the page.
func (s *Server) Query() string { return s.url(query) }

func (s *Server) url(door string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.address(door)
}
