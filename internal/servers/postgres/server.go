// Package postgres runs a private PostgreSQL from the installed binaries: its own data folder, a free port
// on the loopback, a generated password, as an unprivileged user, under a guard.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// Superuser is the name of the server's administrator.
const Superuser = "postgres"

// Settings of a server.
type Settings struct {
	Dir            string    // holds data and password; made if missing, found again if not
	Port           int       // 0: a free one
	MaxConnections int       // 0: 200
	Log            io.Writer // the server's lines (internal/foreign reads them); nil: discarded
	// LockWait is how long Start waits for another program on the same Dir to finish, which it does when the
	// new one comes right after a kill -9 of the old. 0: 15 s.
	LockWait time.Duration
	// Disposable servers are for tests: no fsync, a copied template instead of initdb, gone with the program.
	Disposable bool
	Roomy      bool // a disposable one has as much memory as one that lasts: for measurements
}

// Server is one PostgreSQL, running or not. Safe for concurrent use; Start, Stop, Kill and Restart wait
// for one another.
type Server struct {
	settings Settings
	bin      string
	dir      string // where the data really lies, see host.Place
	who      *guard.Credential
	password string

	mu      sync.Mutex
	port    int
	process *guard.Process // nil before the first Start
}

// New finds the binaries and makes, or finds again, the data. It starts nothing that lasts.
func New(ctx context.Context, s Settings) (*Server, error) {
	bin, err := Find()
	if err != nil {
		return nil, err
	}
	who, err := host.Credential("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := host.Place(s.Dir, who)
	if err != nil {
		return nil, err
	}
	if s.MaxConnections == 0 {
		s.MaxConnections = 200
	}
	server := &Server{settings: s, bin: bin, dir: dir, who: who, port: s.Port}
	if err := server.prepare(ctx); err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL in %s: %w", dir, err)
	}
	return server, nil
}

// Start runs the server and returns when it answers. A port taken by somebody else is exchanged for
// another one, unless the settings name it. Starting a running server does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.start(ctx)
}

func (s *Server) start(ctx context.Context) error {
	if s.process.Running() {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := s.try(ctx)
		if err == nil {
			return nil
		}
		if attempt == 3 || s.settings.Port != 0 || !errors.Is(err, guard.ErrEarly) || ctx.Err() != nil {
			return fmt.Errorf("start PostgreSQL: %w", err)
		}
		s.port = 0
	}
}

// try is one start, on the port of the last one if there was one.
func (s *Server) try(ctx context.Context) error {
	if err := s.choosePort(); err != nil {
		return err
	}
	if err := s.clearStalePID(); err != nil {
		return err
	}
	lines := &host.Tail{Next: s.settings.Log}
	p, err := guard.Start(ctx, s.command(lines))
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx, p); err != nil {
		// What the server said is worth more than how it ended.
		return errors.Join(fmt.Errorf("%w%s", err, lines), p.Stop(canceled(ctx)))
	}
	s.process = p
	return nil
}

func (s *Server) choosePort() error {
	if s.port != 0 {
		return nil
	}
	port, err := host.FreePort()
	s.port = port
	return err
}

func (s *Server) command(lines io.Writer) guard.Command {
	return guard.Command{
		Name: "postgres", Path: filepath.Join(s.bin, "postgres"), Args: s.arguments(), Env: environment(), Dir: s.dir,
		Credential: s.who,
		StopSignal: syscall.SIGINT, // fast shutdown: sessions are ended, nothing is lost
		Grace:      20 * time.Second,
		Disposable: s.settings.Disposable,
		Lock:       filepath.Join(s.dir, "lock"), LockWait: s.settings.LockWait,
		Stdout: lines, Stderr: lines,
	}
}

// Stop is a fast shutdown: sessions are ended, the data is consistent on the disk. When ctx ends first,
// the server is killed. Stopping a stopped server does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Stop(ctx)
}

// Kill is kill -9 of the postmaster, after the proof that it is ours; its sessions die with it. It
// returns when all are gone. Start recovers from the write-ahead log.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.Running() {
		return fmt.Errorf("kill PostgreSQL: %w", guard.ErrEnded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.prove(ctx); err != nil {
		return fmt.Errorf("kill PostgreSQL: %w", err)
	}
	return s.process.Kill()
}

// Restart starts the server again on the same port, after a Stop if it is running.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.process.Stop(ctx); err != nil {
		return err
	}
	return s.start(ctx)
}

// URL of the superuser, database postgres; it holds the password. Valid once Start has returned; the port
// stays the same over Restart.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address("postgres")
}

func (s *Server) address(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(Superuser, s.password), Path: "/" + database,
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port on the loopback; 0 before the first Start.
func (s *Server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// PID of the postmaster; 0 when none runs.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.Running() {
		return 0
	}
	return s.process.PID()
}

// Done closes when the running server ends, for whatever reason; nil before the first Start.
func (s *Server) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

// Dir is where the data really lies.
func (s *Server) Dir() string { return s.dir }

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// canceled keeps ctx's values and has ended: what is stopped with it is killed at once.
func canceled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// environment hides the caller's PostgreSQL settings from the server.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC"}
}
