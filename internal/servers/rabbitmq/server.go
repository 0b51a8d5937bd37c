// Package rabbitmq runs a private RabbitMQ node from the installed programs: its own data, node name and
// cookie, free ports on the loopback, a generated password, as an unprivileged user, under a guard. Its
// port mapper (epmd) is private too: it runs in the foreground, on a port of its own, under another guard.
package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// User is the node's only user, an administrator; guest does not exist.
const User = "signalbox"

// Settings of a node.
type Settings struct {
	Dir  string    // holds data, cookie and password; made if missing, found again if not
	Port int       // AMQP; 0: a free one
	Log  io.Writer // the node's lines; nil: discarded
	// LockWait is how long Start waits for another program on the same Dir to finish, which it does when the
	// new one comes right after a kill -9 of the old. 0: 30 s.
	LockWait time.Duration
	// Disposable nodes are for tests: killed at once when the program dies.
	Disposable bool
}

// Server is one RabbitMQ node, running or not. Safe for concurrent use; Start, Stop and Kill wait for one
// another.
type Server struct {
	settings Settings
	programs programs
	dir      string // where the data really lies, see host.Place
	who      *guard.Credential
	identity identity

	mu    sync.Mutex
	ports ports          // chosen by the first Start, kept by the next ones
	epmd  *guard.Process // ends with the node's Stop, outlives its Kill
	node  *guard.Process // nil before the first Start

	said atomic.Pointer[host.Tail] // the last lines of the last start
}

// ports of a node; all on the loopback.
type ports struct{ amqp, dist, epmd int }

// New finds the programs and makes, or finds again, the data. It starts nothing.
func New(s Settings) (*Server, error) {
	found, err := find()
	if err != nil {
		return nil, err
	}
	who, err := host.Credential("rabbitmq")
	if err != nil {
		return nil, err
	}
	dir, err := host.Place(s.Dir, who)
	if err != nil {
		return nil, err
	}
	if s.LockWait == 0 {
		s.LockWait = 30 * time.Second
	}
	server := &Server{settings: s, programs: found, dir: dir, who: who}
	if err := server.prepare(); err != nil {
		return nil, fmt.Errorf("prepare RabbitMQ in %s: %w", dir, err)
	}
	return server, nil
}

// Start runs the node and returns when it takes connections, which is some ten seconds later. The ports
// are those of the last Start. Starting a running node does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node.Running() {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := s.try(ctx)
		if err == nil {
			return nil
		}
		if attempt == 3 || !s.fresh() || !errors.Is(err, guard.ErrEarly) || ctx.Err() != nil {
			return fmt.Errorf("start RabbitMQ: %w", err)
		}
		s.ports = ports{} // one of them may have been taken: choose again
	}
}

// fresh: no client knows the port yet.
func (s *Server) fresh() bool { return s.node == nil && s.settings.Port == 0 }

func (s *Server) try(ctx context.Context) error {
	if err := s.choosePorts(); err != nil {
		return err
	}
	if err := s.writeConfig(); err != nil {
		return err
	}
	if err := s.startMapper(ctx); err != nil {
		return err
	}
	lines := &host.Tail{Next: s.settings.Log}
	s.said.Store(lines)
	p, err := guard.Start(ctx, s.command(lines))
	if err != nil {
		return errors.Join(err, s.stopMapper())
	}
	if err := s.awaitReady(ctx, p); err != nil {
		return errors.Join(fmt.Errorf("%w%s", err, lines), p.Stop(ended()), s.stopMapper())
	}
	s.node = p
	return nil
}

func (s *Server) choosePorts() (err error) {
	if s.ports.amqp != 0 {
		return nil
	}
	if s.ports.amqp = s.settings.Port; s.ports.amqp == 0 {
		if s.ports.amqp, err = host.FreePort(); err != nil {
			return err
		}
	}
	if s.ports.dist, err = host.FreePort(); err != nil {
		return err
	}
	s.ports.epmd, err = host.FreePort()
	return err
}

func (s *Server) startMapper(ctx context.Context) (err error) {
	if s.epmd.Running() {
		return nil
	}
	s.epmd, err = guard.Start(ctx, guard.Command{
		Name: "epmd", Path: s.programs.epmd,
		Args: []string{"-port", strconv.Itoa(s.ports.epmd), "-address", "127.0.0.1"},
		Env:  s.environment(), Dir: s.dir, Credential: s.who, Disposable: true, Grace: time.Second,
	})
	if err != nil {
		return err
	}
	return s.awaitMapper(ctx)
}

func (s *Server) stopMapper() error {
	return s.epmd.Stop(ended())
}

// command is the script that becomes the Erlang machine by exec: with RUNNING_UNDER_SYSTEMD it leaves no
// shell between us and the node.
func (s *Server) command(lines io.Writer) guard.Command {
	return guard.Command{
		Name: "rabbitmq", Path: s.programs.server, Env: s.environment(), Dir: s.dir, Credential: s.who,
		StopSignal: syscall.SIGTERM, Grace: 20 * time.Second, Disposable: s.settings.Disposable,
		Lock: s.file("lock"), LockWait: s.settings.LockWait,
		Stdout: lines, Stderr: lines,
	}
}

// Stop ends the node in order, and its port mapper. When ctx ends first the node is killed. Stopping a
// stopped node does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.node.Stop(ctx), s.stopMapper())
}

// Kill is kill -9 of the node, after the proof that it is ours; it returns when all its processes are
// gone. The port mapper lives on, as it does in earnest. Start brings the node back with its data.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.node.Running() {
		return fmt.Errorf("kill RabbitMQ: %w", guard.ErrEnded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.prove(ctx); err != nil {
		return fmt.Errorf("kill RabbitMQ: %w", err)
	}
	return s.node.Kill()
}

// Restart stops the node in order if it is running and starts it again on the same ports.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(ctx); err != nil {
		return err
	}
	return s.Start(ctx)
}

// URL of the first vhost, "/"; it holds the password. Valid once Start has returned; the port stays the
// same afterwards.
func (s *Server) URL() string { return s.VhostURL("/") }

// VhostURL is the URL of a vhost.
func (s *Server) VhostURL(vhost string) string {
	u := url.URL{
		Scheme: "amqp", User: url.UserPassword(User, s.identity.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())),
	}
	// The path is the vhost's name, and "/" in it must stay escaped.
	return u.String() + "/" + url.PathEscape(vhost)
}

// Port of AMQP on the loopback; 0 before the first Start.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ports.amqp
}

// PID of the Erlang machine (beam.smp); 0 when none runs.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.node.Running() {
		return 0
	}
	return s.node.PID()
}

// Done closes when the running node ends, for whatever reason; nil before the first Start.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node == nil {
		return nil
	}
	return s.node.Done()
}

// Dir is where the data really lies.
func (s *Server) Dir() string { return s.dir }

func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// ended is a context that leaves no time: what is stopped with it is killed.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
