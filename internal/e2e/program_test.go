package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/signalbox-mesh/signalbox/internal/cli" // what the binary is made of: a change of it must not find a cached result
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// binary is the real one, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := folder("bin")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "signalbox")
	build := exec.Command("go", "build", "-o", name, "github.com/signalbox-mesh/signalbox/cmd/signalbox")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build signalbox: %w: %s", err, said)
	}
	return name, nil
})

// folder is one that every user may pass, so that servers run by root keep their data in it and nowhere else. It
// goes with the test binary, however that ends.
func folder(name string) (string, error) {
	dir, err := testdir.New(name)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// program is a running signalbox. The kernel kills it when the test binary dies (H-2), and what it started ends
// then as after any kill -9; it has no guard of ours, for that one would do the cleaning that is under test.
type program struct {
	cmd            *exec.Cmd
	stdout, stderr *output
	done           chan struct{}
}

// run starts the binary with the given settings and nothing of the caller's SIGNALBOX_*.
func run(env []string, args ...string) (*program, error) {
	name, err := binary()
	if err != nil {
		return nil, err
	}
	return runBinary(name, env, args...)
}

func runBinary(name string, env []string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(name, args...), stdout: &output{}, stderr: &output{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	p.cmd.Env = append(environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.WaitDelay = time.Second // whoever holds its output beyond its end is looked for by other means
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig follows the thread
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // its result is in ProcessState
			close(p.done)
		}
	}()
	return p, <-started
}

func environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SIGNALBOX_") && !strings.HasPrefix(kv, "OTEL_") {
			env = append(env, kv)
		}
	}
	return env
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// signal fails silently when the program has ended.
func (p *program) signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// ended reports whether it has.
func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// code waits for the end and returns the exit code; -1 when a signal ended it.
func (p *program) code(t testing.TB, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(limit):
		t.Fatalf("it has not ended within %v; it said:\n%s%s", limit, p.stdout, p.stderr)
		return 0
	}
}

// finish takes it down in order, and by force when that does not help.
func (p *program) finish() {
	p.signal(os.Interrupt)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if wait.Until(ctx, p.ended) != nil {
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// command runs the binary to its end, as somebody at a terminal does.
func command(t testing.TB, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p, err := run(env, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	code = p.code(t, time.Minute)
	return code, p.stdout.String(), p.stderr.String()
}

// output may be written to while the test reads.
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
