package logging

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// turn is how many calls are timed at once, before the peer has its turn: what else the machine does hits both.
const turn = 5_000

// sides are the same call by us and by slog's own handler, over so many loggers.
type sides struct{ ours, peers []*slog.Logger }

// seen is how often each logger has been called before anything is timed: a line is weighed more often at first.
const seen = 8 * 1024

func disabled(b *testing.B, n int, flows *debug.Flows) sides {
	b.Helper()
	logs := opened(b, Settings{Service: "bench", Stderr: io.Discard, Flows: flows, Levels: level.NewTable(level.Spec{Root: slog.LevelError})})
	var s sides
	peer := slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError})
	for i := range n {
		s.ours = append(s.ours, logs.Logger(fmt.Sprintf("bench.part%d", i)))
		s.peers = append(s.peers, slog.New(peer.WithAttrs([]slog.Attr{slog.Int("logger", i)})))
	}
	for range seen {
		off(context.Background(), s.ours, n)
	}
	off(context.Background(), s.peers, seen)
	return s
}

// off makes n disabled calls.
func off(ctx context.Context, all []*slog.Logger, n int) time.Duration {
	start := time.Now()
	for i, at := 0, 0; i < n; i++ {
		all[at].LogAttrs(ctx, slog.LevelDebug, "hidden", slog.Int("n", 1))
		if at++; at == len(all) {
			at = 0
		}
	}
	return time.Since(start)
}

// compare has both sides take turns, and holds the middle turn of ours against the middle one of theirs.
func compare(b *testing.B, ours, peers func(n int) time.Duration) {
	b.Helper()
	var took, theirs []time.Duration
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn { // whole turns: of half a one there is no middle
		took = append(took, ours(turn))
		b.StopTimer()
		theirs = append(theirs, peers(turn))
		b.StartTimer()
	}
	b.StopTimer()
	mine, peer := float64(quantile(took, 0.5))/turn, float64(quantile(theirs, 0.5))/turn
	b.ReportMetric(mine, "p50-ns")
	b.ReportMetric(peer, "peer-p50-ns")
	b.ReportMetric(mine/peer, "x-slog")
}

// deep is a context with so many values that nobody here asks for.
func deep(n int) context.Context {
	ctx := context.Background()
	for i := range n {
		ctx = context.WithValue(ctx, depth(i), i)
	}
	return ctx
}

type depth int

// BenchmarkDisabledLoggers is a disabled call with its tally, over 1, 100 and 10 000 loggers; its ratio is to slog's own
// disabled call over as many (≤ 1.5).
func BenchmarkDisabledLoggers(b *testing.B) {
	ctx := context.Background()
	for _, n := range []int{1, 100, 10_000} {
		s := disabled(b, n, nil)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			compare(b, func(k int) time.Duration { return off(ctx, s.ours, k) }, func(k int) time.Duration { return off(ctx, s.peers, k) })
		})
	}
}

// BenchmarkDisabledParallel is the same call of one logger on all cores at once (≤ 1.5).
func BenchmarkDisabledParallel(b *testing.B) {
	s := disabled(b, 1, nil)
	together := func(all []*slog.Logger) func(int) time.Duration {
		return func(n int) time.Duration {
			start := time.Now()
			var workers sync.WaitGroup
			for range runtime.GOMAXPROCS(0) {
				workers.Go(func() { off(context.Background(), all, n) })
			}
			workers.Wait()
			return time.Since(start)
		}
	}
	together(s.ours)(1_000_000)
	b.Run("1", func(b *testing.B) { compare(b, together(s.ours), together(s.peers)) })
}

// others are the contexts of so many requests, with so many values each, that make lines disabled calls in a row each.
func others(values, lines int, all []*slog.Logger) func(n int) time.Duration {
	requests := make([]context.Context, 1024)
	for i := range requests {
		requests[i] = deep(values)
	}
	at := 0
	return func(n int) time.Duration {
		start := time.Now()
		for i := 0; i < n; i += lines {
			ctx := requests[at%len(requests)]
			at++
			for range lines {
				all[0].LogAttrs(ctx, slog.LevelDebug, "hidden", slog.Int("n", 1))
			}
		}
		return time.Since(start)
	}
}

// BenchmarkDisabledDebugging is a disabled call while targeted debug is on, of requests that it is not for, whose contexts
// have 1 and 15 values (≤ 1.5): when a lease is there and no request that it describes, and while one of those is under way.
// lines=5 and lines=1 are with contexts that make so many lines and are then never seen again.
func BenchmarkDisabledDebugging(b *testing.B) {
	flows := debug.NewFlows(debug.Settings{})
	if refused := flows.Apply([]lease.Lease{{ID: "l-1", Kind: lease.Debug, Value: `{"level":"DEBUG","user":"42"}`}}); len(refused) > 0 {
		b.Fatal(refused)
	}
	s := disabled(b, 1, flows)
	for _, busy := range []bool{false, true} {
		end := func() {}
		if busy {
			if _, end = flows.Match(context.Background(), debug.Request{User: "42"}); !flows.Active() {
				b.Fatal("no flow is under way")
			}
		}
		for _, n := range []int{1, 15} {
			ctx := deep(n)
			b.Run(fmt.Sprintf("under-way=%v/values=%d", busy, n), func(b *testing.B) {
				compare(b, func(k int) time.Duration { return off(ctx, s.ours, k) }, func(k int) time.Duration { return off(ctx, s.peers, k) })
			})
			for _, lines := range []int{5, 1} {
				if !busy {
					break
				}
				b.Run(fmt.Sprintf("under-way=%v/values=%d/lines=%d", busy, n, lines), func(b *testing.B) {
					compare(b, others(n, lines, s.ours), others(n, lines, s.peers))
				})
			}
		}
		end()
	}
}

// BenchmarkBlackBox is a call with five attributes whose level is off while the black box is on; its ratio is to the same
// call enabled, with stderr and spool (≤ 0.6): of a trace whose lines are kept, and of one that is not among the share.
func BenchmarkBlackBox(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "bench", "bench-1")
	table := level.NewTable(level.Spec{Root: slog.LevelInfo, Loggers: map[string]slog.Level{"off": slog.LevelError}})
	logs := opened(b, Settings{Service: "bench", Instance: "bench-1", Stderr: io.Discard, SpoolDir: dir, Levels: table, BlackBox: BlackBoxSettings{Share: 1}})
	on, off := logs.Logger("on"), logs.Logger("off")
	trace := uint64(0)
	call := func(l *slog.Logger, n int) (took []time.Duration) {
		for range n / 10 { // calls of one trace
			trace++
			took = append(took, timeIn(traceContext(trace), l, 10)...)
		}
		return took
	}
	against := func(b *testing.B) {
		call(off, 20_000)
		call(on, 1000)
		b.ReportAllocs()
		b.ResetTimer()
		var took, theirs []time.Duration
		for left := b.N; left > 0; left -= 1000 {
			took = append(took, call(off, 1000)...)
			b.StopTimer()
			theirs = append(theirs, call(on, 1000)...)
			b.StartTimer()
		}
		b.StopTimer()
		b.ReportMetric(float64(sum(took))/float64(len(took))/(float64(sum(theirs))/float64(len(theirs))), "mean-x-enabled")
		mine, peer := float64(quantile(took, 0.5)), float64(quantile(theirs, 0.5))
		b.ReportMetric(mine, "p50-ns")
		b.ReportMetric(peer, "enabled-p50-ns")
		b.ReportMetric(mine/peer, "x-enabled")
	}
	b.Run("kept", against)
	logs.BlackBox().Set(BlackBoxSettings{Share: 1e-18})
	b.Run("not-chosen", against)
}

func traceContext(n uint64) context.Context {
	var id trace.TraceID
	for i := range 8 {
		id[15-i] = byte(n * 0x9E3779B97F4A7C15 >> (8 * i))
	}
	id[0] = 1
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}}))
}
