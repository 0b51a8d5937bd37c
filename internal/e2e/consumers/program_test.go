package consumers

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/cli"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// program is a `signalbox cron` that runs in the test's process.
type program struct {
	t      *testing.T
	stop   context.CancelFunc
	code   chan int
	mu     sync.Mutex
	stdout bytes.Buffer
	stderr bytes.Buffer
}

type part struct {
	p   *program
	buf *bytes.Buffer
}

func (w part) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.buf.Write(b)
}

func (p *program) text(buf *bytes.Buffer) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return buf.String()
}

// cron starts one; it ends with the test.
func (m *mesh) cron(addr string, args ...string) *program {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{t: m.t, stop: cancel, code: make(chan int, 1)}
	environ := append(os.Environ(), "SIGNALBOX_URL=http://"+addr, "SIGNALBOX_TOKEN=anna=operator")
	all := append([]string{"cron", "--url", "http://" + addr, "--token", "anna=operator"}, args...)
	go func() {
		p.code <- cli.Main(ctx, cli.Process{Args: all, Environ: environ, Stdin: strings.NewReader(""), Stdout: part{p, &p.stdout}, Stderr: part{p, &p.stderr}, Version: "test"})
	}()
	m.t.Cleanup(p.end)
	return p
}

// end has it end, and waits for that: at the end of a test, before what it talks to is gone.
func (p *program) end() {
	p.stop()
	p.code <- <-p.code
}

// ended is the exit code.
func (p *program) ended() (code int) {
	p.t.Helper()
	wait.For(p.t, limit, "the end of the program", func() bool {
		select {
		case code = <-p.code:
			p.code <- code
			return true
		default:
			return false
		}
	})
	return code
}

func (p *program) waits() {
	p.t.Helper()
	wait.For(p.t, limit, "the program to wait for fires", func() bool { return strings.Contains(p.text(&p.stderr), "waiting for fires") })
}

// front stands before the mesh's API and does with each request as serve says; it answers its address.
func (m *mesh) front(serve func(w http.ResponseWriter, r *http.Request, proxy http.Handler)) (addr string) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: m.addr})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, proxy) }))
	m.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// yearly keeps a schedule from being due by itself.
func yearly(name string, more ...string) []string {
	return append([]string{name, "--cron", "0 2 1 1 *", "--backoff", "1s"}, more...)
}
