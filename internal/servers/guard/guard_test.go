package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// victim makes this test binary the program whose death is under test.
const victim = "SIGNALBOX_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		guard.Maybe()
		os.Exit(beVictim(dir))
	}
	os.Exit(guard.TestMain(m))
}

// server is a shell script with a daemon beside it that has left its process group, and a trace of an
// orderly stop.
const server = `
trap 'echo in order > "$0/stopped"; exit 0' TERM
setsid sleep 1000 & echo $! > "$0/daemon"
echo $$ > "$0/server"
echo serving
while :; do sleep 0.02; done`

func serve(dir string) guard.Command {
	return guard.Command{Name: "script", Path: "/bin/sh", Args: []string{"-c", server, dir}, Grace: 5 * time.Second}
}

func beVictim(dir string) int {
	p, err := guard.Start(context.Background(), serve(dir))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	<-p.Done() // for ever: the test kills us
	return 1
}

// output may be written by the guard's goroutine while the test reads.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func pidIn(t *testing.T, path string) (pid int) {
	t.Helper()
	wait.For(t, 10*time.Second, path, func() bool {
		b, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err == nil
	})
	return pid
}

func gone(t *testing.T, pid int, what string) {
	t.Helper()
	wait.For(t, 5*time.Second, "the end of "+what, func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
}

// H-2: kill -9 of the program: the server stops in order, its daemon is found and killed.
func TestH2_ProgramKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid, daemon := pidIn(t, filepath.Join(dir, "server")), pidIn(t, filepath.Join(dir, "daemon"))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // says that it was killed
	gone(t, pid, "the server")
	gone(t, daemon, "its daemon")
	if _, err := os.Stat(filepath.Join(dir, "stopped")); err != nil {
		t.Errorf("the server was not stopped in order: %v", err)
	}
}

func TestStopIsOrderly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var lines output
	c := serve(dir)
	c.Stdout = &lines
	p, err := guard.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	pid, daemon := pidIn(t, filepath.Join(dir, "server")), pidIn(t, filepath.Join(dir, "daemon"))
	if pid != p.PID() {
		t.Errorf("the server is process %d, reported as %d", pid, p.PID())
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	gone(t, daemon, "the daemon")
	if p.Err() != nil || lines.String() != "serving\n" {
		t.Errorf("ended with %v after %q", p.Err(), lines.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "stopped")); err != nil {
		t.Error(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	if err := p.Kill(); !errors.Is(err, guard.ErrEnded) {
		t.Errorf("kill of what has ended: %v", err)
	}
}

func TestKillTakesTheDaemonToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := guard.Start(t.Context(), serve(dir))
	if err != nil {
		t.Fatal(err)
	}
	daemon := pidIn(t, filepath.Join(dir, "daemon"))
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, daemon, "the daemon")
	if p.Err() == nil || p.Err().Error() != "signal: killed" {
		t.Errorf("ended with %v", p.Err())
	}
}

// A server that ignores the stop signal is killed after its grace, or when the caller's patience ends.
func TestStubbornServer(t *testing.T) {
	t.Parallel()
	stubborn := guard.Command{Path: "/bin/sh", Args: []string{"-c", `trap "" TERM; echo deaf; while :; do sleep 0.02; done`}}
	patience, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		grace time.Duration
		ctx   context.Context
	}{"grace": {50 * time.Millisecond, t.Context()}, "context": {time.Hour, patience}} {
		var lines output
		stubborn.Grace, stubborn.Stdout = c.grace, &lines
		p, err := guard.Start(t.Context(), stubborn)
		if err != nil {
			t.Fatal(err)
		}
		wait.For(t, 5*time.Second, "the script's trap", func() bool { return lines.String() != "" })
		if err := p.Stop(c.ctx); err != nil {
			t.Fatal(err)
		}
		if p.Err() == nil || p.Err().Error() != "signal: killed" {
			t.Errorf("%s: ended with %v", name, p.Err())
		}
	}
}

func TestStartOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := guard.Start(t.Context(), guard.Command{Path: "/nowhere/server"})
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("want the cause, got %v", err)
	}
}

// The guard's own marks do not reach the server: it may be this very executable.
func TestEnvironmentAndExitStatus(t *testing.T) {
	t.Parallel()
	var lines output
	p, err := guard.Start(t.Context(), guard.Command{
		Path: "/bin/sh", Args: []string{"-c", `env; echo to stderr >&2; exit 3`}, Stdout: &lines, Stderr: &lines,
	})
	if err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	if p.Err() == nil || p.Err().Error() != "exit status 3" {
		t.Errorf("ended with %v", p.Err())
	}
	if got := lines.String(); strings.Contains(got, "SIGNALBOX_GUARD") || !strings.Contains(got, "PATH=") || !strings.Contains(got, "to stderr") {
		t.Errorf("output %q", got)
	}
}

func TestSignalReachesTheServer(t *testing.T) {
	t.Parallel()
	var lines output
	p, err := guard.Start(t.Context(), guard.Command{
		Path: "/bin/sh", Args: []string{"-c", `trap "echo heard" HUP; echo ready; while :; do sleep 0.02; done`}, Stdout: &lines,
	})
	if err != nil {
		t.Fatal(err)
	}
	wait.For(t, 5*time.Second, "the trap", func() bool { return strings.Contains(lines.String(), "ready") })
	if err := p.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 5*time.Second, "the answer", func() bool { return strings.Contains(lines.String(), "heard") })
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// A second program on the same data is told so; one that comes right after the first waits for its guard.
func TestLock(t *testing.T) {
	t.Parallel()
	c := serve(t.TempDir())
	c.Lock, c.LockWait = filepath.Join(t.TempDir(), "lock"), 50*time.Millisecond
	p, err := guard.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := guard.Start(t.Context(), c); !errors.Is(err, guard.ErrLocked) {
		t.Errorf("second start: %v", err)
	}
	c.LockWait = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := guard.Start(ctx, c); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("impatient start: %v", err)
	}
	next := make(chan error, 1)
	go func() {
		second, err := guard.Start(t.Context(), c)
		if err == nil {
			err = second.Kill()
		}
		next <- err
	}()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-next; err != nil {
		t.Errorf("start after the first one's end: %v", err)
	}
}
