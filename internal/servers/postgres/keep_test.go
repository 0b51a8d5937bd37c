package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Split(o.b.String(), "\n")
}

// What `up` does: initdb once, data, password and durability kept from start to start.
func TestSecondStartFindsItsData(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	var log output
	settings := postgres.Settings{Dir: dir, Log: &log}
	s := started(t, settings)
	exec(t, s.URL(), `create table kept as select 1`)
	exec(t, s.URL(), `do $$ begin if current_setting('fsync') <> 'on' then raise 'fsync is off'; end if; end $$`)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(s.Dir(), "password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info.Mode(), err)
	}
	again := started(t, settings)
	exec(t, again.URL(), `select * from kept`)
	if err := again.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	ready, reader := false, foreign.NewRecogniser(foreign.Settings{})
	for _, line := range log.lines() {
		l := reader.Line(line)
		ready = ready || l.Format == foreign.PostgreSQL && strings.HasPrefix(l.Message, "database system is ready")
	}
	if !ready {
		t.Errorf("no parseable line says that the server is ready: %q", log.lines())
	}
}

func serverDir(t *testing.T) string {
	t.Helper()
	dir, err := testdir.New("postgres")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func started(t *testing.T, settings postgres.Settings) *postgres.Server {
	t.Helper()
	s, err := postgres.New(t.Context(), settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// An initdb that was cut short is begun anew, not taken for a database.
func TestHalfMadeData(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "half-made", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	exec(t, started(t, postgres.Settings{Dir: dir}).URL(), `select 1`)
}

// The lock file of a killed postmaster whose process id belongs to somebody else by now.
func TestStaleLockFile(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(s.Dir(), "data", "postmaster.pid")
	if err := os.WriteFile(lock, fmt.Appendf(nil, "%d\n", os.Getppid()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Two programs on one state folder: the second is told so, and the first is not hurt.
func TestDataInUse(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	second, err := postgres.New(t.Context(), postgres.Settings{Dir: s.Dir(), Disposable: true, LockWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Start(t.Context()); !errors.Is(err, guard.ErrLocked) {
		t.Errorf("second start: %v", err)
	}
	exec(t, s.URL(), `select 1`)
}

// A port that the settings name is not exchanged; the error says what is wrong.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	s, err := postgres.New(t.Context(), postgres.Settings{Dir: serverDir(t), Disposable: true, Port: l.Addr().(*net.TCPAddr).Port})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Address already in use") {
		t.Errorf("start on a taken port: %v", err)
	}
}

// H-1: a fault is refused where the data folder names another process.
func TestH1_NoFaultForStrangers(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	lock := filepath.Join(s.Dir(), "data", "postmaster.pid")
	was, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, lock, fmt.Appendf(nil, "%d\n", os.Getppid()))
	if err := s.Kill(); err == nil || !strings.Contains(err.Error(), "prove ownership") {
		t.Errorf("kill without proof: %v", err)
	}
	overwrite(t, lock, was)
	if err := s.Kill(); err != nil {
		t.Error(err)
	}
}

func overwrite(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
}

// The end of a server that nobody asked to end is seen.
func TestDoneTellsOfADeath(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	done := s.Done()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 5*time.Second, "Done", func() bool {
		select {
		case <-done:
			return s.PID() == 0
		default:
			return false
		}
	})
}
