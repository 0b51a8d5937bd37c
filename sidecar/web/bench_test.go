package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nowhere takes an answer without keeping it: httptest's recorder would cost more than what is measured.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// asking calls h in the handler alone.
func asking(h http.Handler, token string) func() {
	r := httptest.NewRequest("GET", "/bench/7", nil)
	r.Body, r.Header = http.NoBody, http.Header{"Authorization": {"Bearer " + token}, "User-Agent": {"bench"}, "Accept": {"*/*"}}
	w := &nowhere{http.Header{}}
	return func() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkChain is the price of the whole chain (metrics, trace at 1 %, access line, level and token check) on a handler
// that does next to nothing: against that handler bare, and against the stock stack, in the same run by turns.
func BenchmarkChain(b *testing.B) {
	for name, written := range map[string]bool{"line off": false, "line written": true} {
		b.Run(name, func(b *testing.B) {
			all, token := rivals(b, collect(b), written)
			var took [3][]float64
			var ask [3]func()
			for i, one := range all {
				ask[i] = asking(one.handler, token)
			}
			for b.Loop() {
				for i := range ask {
					const turn = 200
					began := time.Now()
					for range turn {
						ask[i]()
					}
					took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/turn)
				}
			}
			report(b, took, ask)
		})
	}
}

func report(b *testing.B, took [3][]float64, ask [3]func()) {
	var allocs [3]float64
	for i := range ask {
		slices.Sort(took[i])
		allocs[i] = testing.AllocsPerRun(1000, ask[i])
	}
	bare, chain, stock := middle(took[0]), middle(took[1]), middle(took[2])
	b.ReportMetric(0, "ns/op") // of turns of all: means nothing
	b.ReportMetric(bare, "bare-ns/req")
	b.ReportMetric(chain-bare, "chain-added-ns")
	b.ReportMetric(stock-bare, "stock-added-ns")
	b.Logf("METRIC chain_added_allocations=%.0f limit=%.0f (0.4 × stock's %.0f)", allocs[1]-allocs[0], .4*(allocs[2]-allocs[0]), allocs[2]-allocs[0])
	b.Logf("METRIC chain_added_ns=%.0f limit=%.0f (0.4 × stock's %.0f; bare %.0f)", chain-bare, .4*(stock-bare), stock-bare, bare)
	b.Logf("METRIC chain_added_to_stock=%.2f limit=0.40", (chain-bare)/(stock-bare))
}

func middle(sorted []float64) float64 { return sorted[len(sorted)/2] }

// collect is a collector that takes everything.
func collect(tb testing.TB) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	tb.Cleanup(s.Close)
	return s.URL
}

const (
	servesVariable    = "WEB_BENCH_SERVES" // the rival that a child process serves
	collectorVariable = "WEB_BENCH_COLLECTOR"
)

// TestServeRival is the child process of BenchmarkServed; by itself there is nothing to serve.
func TestServeRival(t *testing.T) {
	name := os.Getenv(servesVariable)
	if name == "" {
		return
	}
	all, token := rivals(t, os.Getenv(collectorVariable), false)
	i := slices.IndexFunc(all, func(r rival) bool { return r.name == name })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /cpu", func(w http.ResponseWriter, _ *http.Request) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, u.Utime.Nano()+u.Stime.Nano())
	})
	ops, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = http.Serve(ops, mux) }()
	go func() { _ = http.Serve(l, all[i].handler) }()
	fmt.Printf("SERVES %s %s %s\n", l.Addr(), ops.Addr(), token)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the parent is done with us
}

// child serves one rival.
type child struct {
	cpuURL  string
	request []byte
	conns   []*bufio.ReadWriter
}

func serveIn(b *testing.B, name, collector string) *child {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServeRival$", "-test.v")
	cmd.Env = append(os.Environ(), servesVariable+"="+name, collectorVariable+"="+collector)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == 4 && f[0] == "SERVES" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return newChild(b, f[1], f[2], f[3])
		}
	}
	b.Fatalf("%s does not serve: %v", name, lines.Err())
	return nil
}

func newChild(b *testing.B, address, ops, token string) *child {
	c := &child{cpuURL: "http://" + ops + "/cpu", request: []byte("GET /bench/7 HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nAccept: */*\r\nAuthorization: Bearer " + token + "\r\n\r\n")}
	for range 4 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { conn.Close() })
		c.conns = append(c.conns, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)))
	}
	return c
}

// cpu that the child has used so far, in nanoseconds.
func (c *child) cpu(b *testing.B) float64 {
	resp, err := http.Get(c.cpuURL)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// serve n requests, one after the other on each connection, and say how much CPU one took.
func (c *child) serve(b *testing.B, n int) float64 {
	before := c.cpu(b)
	done := make(chan error)
	for _, conn := range c.conns {
		go func() { done <- exchange(conn, c.request, n/len(c.conns)) }()
	}
	for range c.conns {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	return (c.cpu(b) - before) / float64(n)
}

func exchange(conn *bufio.ReadWriter, request []byte, n int) error {
	for range n {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := conn.Flush(); err != nil {
			return err
		}
		resp, err := http.ReadResponse(conn.Reader, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s: %w", resp.Status, err)
		}
	}
	return nil
}

// BenchmarkServed is the CPU that a served request costs the process that serves it, over loopback connections: each rival
// in a process of its own, by turns; the client is another.
func BenchmarkServed(b *testing.B) {
	collector := collect(b)
	names := []string{"bare", "chain", "stock"}
	var children []*child
	for _, name := range names {
		c := serveIn(b, name, collector)
		c.serve(b, 2000) // warm
		children = append(children, c)
	}
	var cpu [3][]float64
	for b.Loop() {
		for i, c := range children {
			cpu[i] = append(cpu[i], c.serve(b, 4000))
		}
	}
	for i := range cpu {
		slices.Sort(cpu[i])
	}
	bare, chain, stock := middle(cpu[0]), middle(cpu[1]), middle(cpu[2])
	b.ReportMetric(0, "ns/op")
	b.Logf("METRIC served_cpu_ratio=%.3f limit=1.25 (bare %.1f µs, chain %.1f µs a request)", chain/bare, bare/1000, chain/1000)
	b.Logf("METRIC served_cpu_ratio_stock=%.3f limit=none (%.1f µs)", stock/bare, stock/1000)
}

// compare runs both in turns, so that the machine's mood hits them alike.
func compare(b *testing.B, bare, chain func()) {
	var tBare, tChain time.Duration
	const turn = 64
	n := 0
	for b.Loop() {
		tBare += timed(turn, bare)
		tChain += timed(turn, chain)
		n += turn
	}
	b.ReportMetric(0, "ns/op") // of a turn of both: means nothing
	b.ReportMetric(float64(tBare.Nanoseconds())/float64(n), "bare-ns/req")
	b.ReportMetric(float64(tChain.Nanoseconds())/float64(n), "chain-ns/req")
	b.ReportMetric(float64((tChain-tBare).Nanoseconds())/float64(n), "overhead-ns/req")
	b.ReportMetric(float64(tChain)/float64(tBare), "ratio")
}

func timed(n int, f func()) time.Duration {
	began := time.Now()
	for range n {
		f()
	}
	return time.Since(began)
}
