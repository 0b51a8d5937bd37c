package logging

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// boxed is a logger at INFO with a black box, and what both write.
func boxed(t testing.TB, s BlackBoxSettings) (*slog.Logger, *BlackBox, *captured) {
	t.Helper()
	c := &captured{}
	f := testFormat()
	b, err := newBlackBox(c, f, s, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	return slog.New(newHandler(c, f, Settings{Service: "catalogs", Levels: level.NewTable(level.Spec{}), box: b}, "catalogs")), b, c
}

func idOf(ctx context.Context) oteltrace.TraceID {
	return oteltrace.SpanContextFromContext(ctx).TraceID()
}

func (c *captured) messages(t testing.TB) (all []string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		all = append(all, parse(t, line)[KeyMessage].(string))
	}
	return all
}

// TestRelease: what was kept of the trace comes in the order of its time, redacted, marked, in the class of its level, and
// nothing of other traces; then the trace's lines go straight.
func TestRelease(t *testing.T) {
	t.Parallel()
	l, b, c := boxed(t, BlackBoxSettings{Share: 1})
	ctx, other := traceContext(1), traceContext(2)
	l = l.With("tenant", "acme")
	l.DebugContext(ctx, "first", "password", "hunter2")
	l.InfoContext(ctx, "straight")
	l.DebugContext(other, "another's")
	l.Debug("of no trace")
	late := slog.NewRecord(time.Now(), slog.LevelDebug-4, "earlier than it came", 0)
	late.Time = late.Time.Add(-time.Second)
	_ = l.Handler().Handle(ctx, late)
	l.WithGroup("g").DebugContext(ctx, "audited", KeyAudit, true)
	if n := b.Release(idOf(ctx), "GET /x answered 500: postgres://app:hunter2@db"); n != 3 {
		t.Errorf("%d lines released", n)
	}
	l.DebugContext(ctx, "after")
	if n := b.Release(idOf(ctx), "again"); n != 0 {
		t.Errorf("%d lines released again", n)
	}
	if got := fmt.Sprint(c.messages(t)); got != "[straight earlier than it came first audited after]" {
		t.Error(got)
	}
	first := string(c.lines[2])
	for _, part := range []string{`"attrs":{"retroactive":true,"tenant":"acme","password":"[redacted:key]","retroactive_why":"GET /x answered 500: postgres://app:[redacted:password]@db"}}`, `"trace_id":"` + idOf(ctx).String()} {
		if !strings.Contains(first, part) {
			t.Errorf("%s is not in %s", part, first)
		}
	}
	if strings.Contains(string(c.lines[0]), "retro") || strings.Contains(string(c.lines[4]), "retro") || c.classes[2] != spool.Debug {
		t.Errorf("marks or class: %s, %v", c.lines, c.classes)
	}
}

// TestShare: the choice is by the trace's id alone, the same in every service, that of OpenTelemetry's sampler, and of about
// as many as were asked for.
func TestShare(t *testing.T) {
	t.Parallel()
	const n, share = 20_000, 0.3
	_, a, _ := boxed(t, BlackBoxSettings{Share: share})
	_, b, _ := boxed(t, BlackBoxSettings{Share: share, Bytes: 1 << 20})
	sampler, chosen := trace.TraceIDRatioBased(share), 0
	for i := range uint64(n) {
		id := idOf(traceContext(i + 1))
		sampled := sampler.ShouldSample(trace.SamplingParameters{TraceID: id}).Decision == trace.RecordAndSample
		if a.chosen(id) != b.chosen(id) || a.chosen(id) != sampled {
			t.Fatalf("%s is chosen here, and not there", id)
		}
		if sampled {
			chosen++
		}
	}
	if off := math.Abs(float64(chosen)/n - share); off > 0.02 {
		t.Errorf("%d of %d traces are chosen", chosen, n)
	}
	for _, off := range []float64{0, -1, math.NaN()} {
		a.Set(BlackBoxSettings{Share: off})
		if a.On() || a.Release(idOf(traceContext(1)), "x") != 0 || a.Latency() != 0 {
			t.Errorf("it is on with a share of %v", off)
		}
	}
}

// TestForgetting: lines go when their time is over, though nobody logs any more, and when the box is switched off.
func TestForgetting(t *testing.T) {
	t.Parallel()
	l, b, c := boxed(t, BlackBoxSettings{Share: 1, Keep: 50 * time.Millisecond, Latency: time.Second})
	l.DebugContext(traceContext(1), "x")
	b.Release(idOf(traceContext(2)), "nothing is kept of it")
	wait.For(t, 10*time.Second, "the end of its time", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.ring.Empty() && b.timer == nil && b.opened.Load() == 0
	})
	b.Set(BlackBoxSettings{Share: 1})
	l.DebugContext(traceContext(1), "x")
	b.Set(BlackBoxSettings{})
	if b.Held() != 0 || testutil.ToFloat64(b.counted.evicted) != 2 {
		t.Errorf("%d bytes held, %v lines evicted", b.Held(), testutil.ToFloat64(b.counted.evicted))
	}
	l.DebugContext(traceContext(1), "off")
	if len(c.lines) != 0 {
		t.Errorf("written: %s", c.lines)
	}
}

// TestBoxUnderLoad (property, -race): with many goroutines that log, release and change the settings, every line of a trace is
// written once or evicted, none twice, and memory never passes its bound.
func TestBoxUnderLoad(t *testing.T) {
	t.Parallel()
	choice := seed.New(t)
	for range seed.Runs(40, 1000) {
		const workers, each, most = 4, 100, 256 << 10
		c := &captured{}
		f := testFormat()
		b, err := newBlackBox(c, f, BlackBoxSettings{Share: 1, Bytes: most, Keep: time.Duration([]int{10, 10_000}[choice.IntN(2)]) * time.Millisecond}, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		l := slog.New(newHandler(c, f, Settings{Levels: level.NewTable(level.Spec{}), box: b}, "a"))
		size, releases := []int{10, 800, 8000}[choice.IntN(3)], 1+choice.IntN(50)
		traces, smaller := []uint64{1, 20, 1000}[choice.IntN(3)], choice.IntN(2) == 0
		text := strings.Repeat("x", size)
		var all sync.WaitGroup
		var over sync.Once
		for w := range workers {
			all.Go(func() {
				for i := range each {
					ctx := traceContext(1 + uint64(w*each+i)*7919%traces)
					l.DebugContext(ctx, fmt.Sprint(w, "-", i), "text", text)
					if i%releases == 0 {
						b.Release(idOf(ctx), "x")
					}
					if smaller && w == 0 && i == each/2 {
						b.Set(BlackBoxSettings{Share: 1, Bytes: leastBytes})
					}
					if held := b.Held(); held > most {
						over.Do(func() { t.Errorf("%d bytes are held, of %d", held, most) })
					}
				}
			})
		}
		all.Wait()
		b.Set(BlackBoxSettings{})
		seen := map[string]bool{}
		for _, line := range c.lines {
			m := string(line[strings.Index(string(line), `"msg"`):][:16])
			if seen[m] {
				t.Fatalf("%s comes twice", m)
			}
			seen[m] = true
		}
		kept, released, evicted := testutil.ToFloat64(b.counted.kept), testutil.ToFloat64(b.counted.released), testutil.ToFloat64(b.counted.evicted)
		straight := float64(len(c.lines)) - released
		if kept != released+evicted || kept+straight != workers*each {
			t.Fatalf("%v lines kept, %v released, %v evicted, %v went straight, of %d", kept, released, evicted, straight, workers*each)
		}
		b.close()
	}
}

// TestBoxOfLogs: through the whole line, into standard error and spool, until the end.
func TestBoxOfLogs(t *testing.T) {
	t.Parallel()
	var out output
	s := settings(t, "catalogs-1")
	s.Stderr, s.BlackBox = &out, BlackBoxSettings{Share: 1}
	logs := opened(t, s)
	ctx := traceContext(1)
	logs.Logger("catalogs").DebugContext(ctx, "kept")
	if logs.waiting() != 0 {
		t.Error("a line below its level is spooled")
	}
	logs.BlackBox().Release(idOf(ctx), "handler failed")
	out.await(t, `"msg":"kept"`)
	for _, class := range logs.Ledger() {
		if class.Name == "debug" && class.Issued != 1 {
			t.Errorf("ledger %+v", class)
		}
	}
	logs.Logger("catalogs").DebugContext(traceContext(2), "kept")
	if err := logs.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	logs.BlackBox().Set(BlackBoxSettings{Share: 1})
	if logs.BlackBox().Held() != 0 || logs.BlackBox().On() {
		t.Error("it is on after the end")
	}
}
