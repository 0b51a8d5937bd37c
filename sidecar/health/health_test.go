package health_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// dependency is up, or away with an error.
type dependency struct {
	mu   sync.Mutex
	err  error
	runs atomic.Int64
}

func (d *dependency) set(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *dependency) check(context.Context) error {
	d.runs.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func status(t *testing.T, h *health.Health) (int, health.Report) {
	t.Helper()
	w := httptest.NewRecorder()
	h.HC().ServeHTTP(w, httptest.NewRequest("GET", "/hc", nil))
	var r health.Report
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("body is no report: %v: %s", err, w.Body)
	}
	return w.Code, r
}

func expect(t *testing.T, h *health.Health, code int, s health.Status) health.Report {
	t.Helper()
	got, r := status(t, h)
	if got != code || r.Status != s {
		t.Errorf("/hc is %d %s, want %d %s: %+v", got, r.Status, code, s, r.Checks)
	}
	return r
}

// started runs h until the test's bubble ends.
func started(t *testing.T, h *health.Health) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	h.Start(ctx)
	t.Cleanup(cancel)
}

func TestRiseAndFall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &dependency{}
		h := health.New(health.Settings{Service: "catalogs", Instance: "catalogs-1", Version: "1"})
		h.Add(health.Check{Name: "database", Weight: health.Downs, Rise: 2, Fall: 3, Run: db.check})
		expect(t, h, 503, health.Unknown)
		started(t, h)
		tick := func() { advance(2 * time.Second); synctest.Wait() }
		synctest.Wait()
		expect(t, h, 200, health.Up)
		db.set(errors.New("refused"))
		for range 2 { // a blip is seen and does not flip
			tick()
			if r := expect(t, h, 200, health.Up); r.Checks[0].Error != "refused" {
				t.Errorf("the blip is not seen: %+v", r.Checks)
			}
		}
		tick()
		expect(t, h, 503, health.Down)
		db.set(nil)
		tick()
		expect(t, h, 503, health.Down)
		tick()
		if r := expect(t, h, 200, health.Up); time.Since(r.Since) != 0 {
			t.Errorf("up since %v, now is %v", r.Since, time.Now())
		}
	})
}

// A check that never succeeded is no blip.
func TestFirstFailureCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(health.Settings{})
		h.Add(health.Check{Name: "database", Weight: health.Downs, Fall: 5, Run: func(context.Context) error { return errors.New("no") }})
		started(t, h)
		synctest.Wait()
		expect(t, h, 503, health.Down)
	})
}

func TestWeights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := &dependency{err: errors.New("blocked")}
		h := health.New(health.Settings{})
		h.Add(health.Check{Name: "database", Weight: health.Downs, Run: (&dependency{}).check})
		started(t, h)
		h.Add(health.Check{Name: "bus", Run: bus.check}) // after Start, and not yet known
		expect(t, h, 503, health.Unknown)
		synctest.Wait()
		r := expect(t, h, 200, health.Degraded)
		if r.Checks[0].Name != "bus" || r.Checks[0].Status != health.Down || r.Checks[0].Weight != "degraded" {
			t.Errorf("checks are %+v", r.Checks)
		}
		bus.set(nil)
		advance(2 * time.Second)
		synctest.Wait()
		expect(t, h, 200, health.Up)
	})
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	h := health.New(health.Settings{})
	expect(t, h, 200, health.Up)
	h.SetWindows([]health.Window{{Message: "upgrade"}})
	expect(t, h, 503, health.OutOfService)
	h.SetWindows(nil)
	expect(t, h, 200, health.Up)
	h.Drain()
	h.SetWindows([]health.Window{{Message: "upgrade"}})
	h.SetWindows(nil)
	expect(t, h, 503, health.Draining)
}

// TestG3_HangingChecks: all checks hang and ignore their context. /hc answers from memory, 1,000
// parallel calls cause no probe, and a hanging dependency holds one goroutine.
func TestG3_HangingChecks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int64
		release := make(chan struct{})
		h := health.New(health.Settings{})
		for _, name := range []string{"bus", "cache", "database"} {
			h.Add(health.Check{Name: name, Weight: health.Downs, Run: func(context.Context) error { runs.Add(1); <-release; return nil }})
		}
		ctx, cancel := context.WithCancel(t.Context())
		h.Start(ctx)
		advance(time.Minute)
		ask(t, h, health.Down)
		t.Logf("METRIC hc_probes_per_dependency=%d limit=1", runs.Load()/3)
		if runs.Load() != 3 {
			t.Errorf("%d runs of 3 hanging checks", runs.Load())
		}
		_, r := status(t, h)
		if !strings.Contains(r.Checks[0].Error, "not ended") {
			t.Errorf("error is %q", r.Checks[0].Error)
		}
		close(release)
		advance(4 * time.Second)
		synctest.Wait()
		expect(t, h, 200, health.Up)
		cancel()
		synctest.Wait()
	})
}

func ask(t *testing.T, h *health.Health, want health.Status) {
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() { expect(t, h, 503, want) })
	}
	wg.Wait()
}

// The same by the real clock, for the figure: the slowest of 1,000 parallel answers.
func TestG3_AnswerTime(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	h := health.New(health.Settings{})
	for _, name := range []string{"bus", "cache", "database"} {
		h.Add(health.Check{Name: name, Weight: health.Downs, Timeout: time.Hour, Run: func(context.Context) error { <-release; return nil }})
	}
	started(t, h)
	var slowest atomic.Int64
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			began := time.Now()
			expect(t, h, 503, health.Unknown)
			for took := int64(time.Since(began)); ; {
				if was := slowest.Load(); took <= was || slowest.CompareAndSwap(was, took) {
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("METRIC hc_slowest_seconds_when_all_hang=%.3f limit=1", time.Duration(slowest.Load()).Seconds())
}

func TestG3_NoSecretInBody(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"dial postgres://app:hunter2@db:5432/x failed",
		"dial postgres://app:hun@hunter2@db failed",
		"dial amqp://app:hun/hunter2@mq:5672/ failed",
		`connect "host=db password=hunter2 user=app"`,
		"connect password='hun hunter2' host=db",
		"GET http://collector/?token=hunter2&x=1",
		`{"client_secret": "hunter2"}`,
		"Authorization: Bearer hunter2hunter2",
		"PGPASSWORD=hunter2",
		"api-key: hunter2",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := health.New(health.Settings{})
			h.Add(health.Check{Name: "database", Run: func(context.Context) error { return errors.New(text) }})
			started(t, h)
			synctest.Wait()
			if _, r := status(t, h); strings.Contains(r.Checks[0].Error, "hunter2") || r.Checks[0].Error == "" {
				t.Errorf("%q is shown as %q", text, r.Checks[0].Error)
			}
		})
	}
}

func TestPanickingCheckIsAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(health.Settings{})
		h.Add(health.Check{Name: "odd", Weight: health.Downs, Run: func(context.Context) error { panic("ouch") }})
		started(t, h)
		advance(5 * time.Second)
		synctest.Wait()
		if r := expect(t, h, 503, health.Down); r.Checks[0].Error != "ouch" {
			t.Errorf("error is %q", r.Checks[0].Error)
		}
	})
}

// TestG2_Liveness: from the process alone, with everything else nil; only a main loop that stands
// still turns it.
func TestG2_Liveness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var none *health.Health
		live := func(h *health.Health) int {
			w := httptest.NewRecorder()
			h.Liveness().ServeHTTP(w, httptest.NewRequest("GET", "/liveness", nil))
			return w.Code
		}
		h := health.New(health.Settings{})
		h.Add(health.Check{Name: "database", Weight: health.Downs, Run: func(context.Context) error { return errors.New("gone") }})
		started(t, h)
		synctest.Wait()
		if live(none) != 200 || live(&health.Health{}) != 200 || live(h) != 200 {
			t.Error("liveness depends on something")
		}
		beat := h.Watchdog("outbox", 20*time.Second)
		for range 10 {
			advance(19 * time.Second)
			beat()
		}
		if live(h) != 200 {
			t.Error("a loop that beats is called stuck")
		}
		advance(21 * time.Second)
		if live(h) != 503 {
			t.Error("a loop that stands still is called alive")
		}
		beat()
		if live(h) != 200 {
			t.Error("a loop that moves again is called stuck")
		}
	})
}

func TestHead(t *testing.T) {
	t.Parallel()
	h := health.New(health.Settings{})
	srv := httptest.NewServer(h.HC())
	defer srv.Close()
	resp, err := http.Head(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("HEAD is %d", resp.StatusCode)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := health.New(health.Settings{Registerer: reg})
	h.Add(health.Check{Name: "bus", Run: func(context.Context) error { return nil }})
	h.SetWindows([]health.Window{{Message: "upgrade"}})
	want := `
# HELP signalbox_health_status Status of the service, 1 for the one that holds
# TYPE signalbox_health_status gauge
signalbox_health_status{status="degraded"} 0
signalbox_health_status{status="down"} 0
signalbox_health_status{status="draining"} 0
signalbox_health_status{status="out_of_service"} 1
signalbox_health_status{status="unknown"} 0
signalbox_health_status{status="up"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "signalbox_health_status"); err != nil {
		t.Error(err)
	}
	promtool(t, reg)
}

func promtool(t *testing.T, reg *prometheus.Registry) {
	t.Helper()
	w := httptest.NewRecorder()
	telemetry.Handler(reg).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = bytes.NewReader(w.Body.Bytes())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v: %s", err, out)
	}
}

// advance moves the clock of a synctest bubble; it does not wait for anything outside.
func advance(d time.Duration) { <-time.After(d) }

// stuckLog takes a line and does not come back before it is over, as one on a disk that hangs.
type stuckLog struct {
	slog.Handler
	taken, over chan struct{}
}

func (l stuckLog) Enabled(context.Context, slog.Level) bool { return true }

func (l stuckLog) Handle(context.Context, slog.Record) error {
	l.taken <- struct{}{}
	<-l.over
	return nil
}

// A log that hangs holds up the check that has something to say, and neither /hc nor the others.
func TestG3_AStuckLogHoldsUpNoReport(t *testing.T) {
	t.Parallel()
	log := stuckLog{taken: make(chan struct{}, 10), over: make(chan struct{})}
	defer close(log.over)
	h := health.New(health.Settings{Logger: slog.New(log)})
	h.Add(health.Check{Name: "database", Weight: health.Downs, Run: (&dependency{}).check})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.Start(ctx)
	<-log.taken
	reported := make(chan int)
	go func() {
		code, _ := status(t, h)
		reported <- code
	}()
	select {
	case code := <-reported:
		if code != 200 {
			t.Errorf("/hc is %d", code)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("/hc waits for the log")
	}
}
