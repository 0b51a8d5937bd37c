package sidecar_test

import (
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// silent takes connections and never says a word.
func silent(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	var mu sync.Mutex
	var all []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range all {
			c.Close()
		}
	})
	return "http://" + l.Addr().String()
}

// TestRequestsWaitForNoCollector: all are sampled and none of three collectors ever answers. When every request has its answer no
// export has ended, in whatever way: nobody can have waited for one. What does not fit a queue is dropped and counted, and what serves
// is as much as before.
func TestRequestsWaitForNoCollector(t *testing.T) {
	t.Parallel()
	at := silent(t)
	c := config(t, "SIGNALBOX_TRACE_EXPORTER=otlp,zipkin,jaeger", "SIGNALBOX_TRACE_ENDPOINT=otlp="+at+",zipkin="+at+",jaeger="+at, "SIGNALBOX_TRACE_RATIO=1", "SIGNALBOX_STOP_TIMEOUT=1s")
	s := build(t, t.Context(), c, sidecar.Settings{})
	s.Mount("GET /orders", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }))
	run(t, s)
	const requests = 4000
	for range 10 {
		get(t, "http://"+s.PublicAddr()+"/orders", 200)
	}
	before := runtime.NumGoroutine()
	for range requests - 10 {
		if body := get(t, "http://"+s.PublicAddr()+"/orders", 200); body != "fine" {
			t.Fatal(body)
		}
	}
	text := get(t, "http://"+s.PublicAddr()+"/metrics", 200)
	count := func(series string) float64 {
		m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s", series)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		check(t, err)
		return n
	}
	if n := count("signalbox_trace_ended_total"); n != requests {
		t.Errorf("%v spans have ended", n)
	}
	for _, exporter := range []string{"otlp", "zipkin", "jaeger"} {
		of := func(outcome string) float64 {
			return count(`signalbox_trace_spans_total{exporter="` + exporter + `",outcome="` + outcome + `"}`)
		}
		queued := count(`signalbox_trace_queued_spans{exporter="` + exporter + `"}`)
		if of("exported") != 0 || of("failed") != 0 || of("dropped") == 0 || of("dropped")+queued != requests {
			t.Errorf("%s: exported %v, failed %v, dropped %v, queued %v", exporter, of("exported"), of("failed"), of("dropped"), queued)
		}
	}
	wait.For(t, limit, "goroutines as before", func() bool { return runtime.NumGoroutine() < before+20 })
}
