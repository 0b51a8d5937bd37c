package studio

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

const startLimit = 90 * time.Second

// mesh is a running `signalbox up`, on an address and a folder that it keeps when it is started again.
type mesh struct {
	up.Mesh
	t      *testing.T
	binary string
	state  string
	listen string
	args   []string // of up, besides
	token  string

	mu      sync.Mutex
	program *program
}

// built is the program, built once for all tests of this binary, and gone with it.
var built = sync.OnceValues(func() (string, error) {
	dir, err := testdir.New("built")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "signalbox")
	if said, err := exec.Command("go", "build", "-trimpath", "-o", name, "github.com/signalbox-mesh/signalbox/cmd/signalbox").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build signalbox: %w: %s", err, said)
	}
	return name, nil
})

// newMesh starts `signalbox up` with args, under a name of the program that is this mesh's alone.
func newMesh(t *testing.T, args ...string) *mesh {
	t.Helper()
	m := &mesh{t: t, state: folder(t, "state"), listen: free(t), args: args}
	m.binary = filepath.Join(folder(t, "bin"), "signalbox")
	program, err := built()
	check(t, err)
	check(t, os.Link(program, m.binary))
	check(t, m.start())
	t.Cleanup(m.stop)
	raw, err := os.ReadFile(filepath.Join(m.state, "mesh.json"))
	check(t, err)
	check(t, json.Unmarshal(raw, &m.Mesh))
	token, err := os.ReadFile(m.Token)
	check(t, err)
	m.token = strings.TrimSpace(string(token))
	return m
}

// start brings the mesh up; it returns once it is ready.
func (m *mesh) start() error {
	p, err := run(m.binary, append([]string{"up", "--state", m.state, "--listen", m.listen}, m.args...)...)
	if err != nil {
		return err
	}
	m.program = p
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := wait.Until(ctx, func() bool { return strings.Contains(p.out.String(), "signalbox is ready") || p.ended() }); err != nil || p.ended() {
		m.t.Errorf("up did not get ready (%v):\n%s", err, p.out.String())
	}
	return err
}

func (m *mesh) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.program.finish()
}

// control gives the suite a hand on the program: POST /restart answers when the mesh is ready again, /kill?instance=NAME
// kills one of its processes for good, and /revive lets it start again.
func (m *mesh) control() string {
	acts := http.NewServeMux()
	for path, act := range map[string]func(instance string) error{"/restart": m.restart, "/kill": m.kill, "/revive": m.revive} {
		acts.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			m.mu.Lock()
			defer m.mu.Unlock()
			if err := act(r.FormValue("instance")); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	server := httptest.NewServer(acts)
	m.t.Cleanup(server.Close)
	return server.URL
}

func (m *mesh) restart(string) error {
	m.program.finish()
	return m.start()
}

// folder is one that every user may pass, so that servers run by root keep their data in it.
func folder(t *testing.T, name string) string {
	t.Helper()
	dir, err := testdir.New(name)
	check(t, err)
	check(t, os.Chmod(dir, 0o711))
	return dir
}

func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	return ln.Addr().String()
}

// program is a running signalbox. The kernel kills it when the test binary dies.
type program struct {
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
}

func run(name string, args ...string) (*program, error) {
	p := &program{cmd: exec.Command(name, args...), out: &output{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "SIGNALBOX_") && !strings.HasPrefix(kv, "OTEL_") {
			p.cmd.Env = append(p.cmd.Env, kv)
		}
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.WaitDelay = time.Second
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

func (p *program) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// finish takes it down in order, and by force when that does not help.
func (p *program) finish() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if wait.Until(ctx, p.ended) != nil {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		<-p.done
	}
}

// output may be written to while the test reads.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
