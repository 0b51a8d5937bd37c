// Package redis runs a private Redis from the installed binary, without persistence: signalbox keeps
// nothing there that it could miss.
package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// ErrNotFound says how to install what is missing.
var ErrNotFound = errors.New("Redis binary not found; install with: " + install())

func install() string {
	if runtime.GOOS == "darwin" {
		return "brew install redis"
	}
	return "sudo apt-get install redis-server"
}

// Settings of a server.
type Settings struct {
	Dir string    // holds its configuration; made if missing
	Log io.Writer // the server's lines; nil: discarded
}

// Server is one Redis, running or not. Safe for concurrent use; Start, Stop and Kill wait for one another.
type Server struct {
	settings Settings
	program  string
	dir      string
	who      *guard.Credential
	password string

	mu      sync.Mutex
	port    int
	process *guard.Process
}

// New finds the binary. It starts nothing.
func New(s Settings) (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNotFound
	}
	who, err := host.Credential("redis")
	if err != nil {
		return nil, err
	}
	dir, err := host.Place(s.Dir, who)
	if err != nil {
		return nil, err
	}
	return &Server{settings: s, program: program, dir: dir, who: who, password: host.Secret()}, nil
}

// Start runs the server, empty, on the port of its last start, and returns when it answers. Starting a
// running server does nothing.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.Running() {
		return nil
	}
	if err := s.configure(); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	p, err := guard.Start(ctx, guard.Command{
		Name: "redis", Path: s.program, Args: []string{s.file()}, Env: []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC"},
		Dir: s.dir, Credential: s.who, Disposable: true, Stdout: s.settings.Log, Stderr: s.settings.Log,
	})
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	if err := p.Await(ctx, 10*time.Millisecond, func() error { return s.answers(ctx, p) }); err != nil {
		return errors.Join(fmt.Errorf("start Redis: %w", err), p.Kill())
	}
	s.process = p
	return nil
}

func (s *Server) file() string { return filepath.Join(s.dir, "redis.conf") }

// configure writes the password where others cannot read it, as they could on a command line.
func (s *Server) configure() (err error) {
	if s.port == 0 {
		if s.port, err = host.FreePort(); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %q\nrequirepass %s\nsave \"\"\nappendonly no\ndaemonize no\n", s.port, s.dir, s.password)
	if err := os.WriteFile(s.file(), []byte(text), 0o600); err != nil {
		return err
	}
	return host.Give(s.file(), s.who)
}

// answers signs in with our password, which no other server has, and asks for the process id.
func (s *Server) answers(ctx context.Context, p *guard.Process) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", s.address())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(2 * time.Second)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nINFO server\r\nQUIT\r\n", s.password); err != nil {
		return err
	}
	answer, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		return err
	}
	if !strings.Contains(string(answer), fmt.Sprintf("process_id:%d\r\n", p.PID())) {
		return errors.New("what answers is not our server")
	}
	return nil
}

// Stop ends the server; its data is gone. Stopping a stopped server does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Stop(ctx)
}

// Kill is kill -9 of the server, after the proof that it is ours which answers.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.process.Running() {
		return fmt.Errorf("kill Redis: %w", guard.ErrEnded)
	}
	if err := s.answers(context.Background(), s.process); err != nil {
		return fmt.Errorf("kill Redis: prove ownership: %w", err)
	}
	return s.process.Kill()
}

// URL holds the password. Valid once Start has returned; the port stays the same afterwards.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := url.URL{Scheme: "redis", User: url.UserPassword("", s.password), Host: s.address(), Path: "/0"}
	return u.String()
}

func (s *Server) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }
