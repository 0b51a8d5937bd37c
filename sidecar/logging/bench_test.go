package logging

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// BenchmarkDisabled is what a call costs whose level is off: its ratio is to slog's own handler in the same
// state in the same run.
func BenchmarkDisabled(b *testing.B) {
	ctx := context.Background()
	peer := slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	logs := opened(b, Settings{Service: "bench", Stderr: io.Discard, Levels: level.NewTable(level.Spec{Root: slog.LevelError})})
	ours := logs.Logger("bench.part")
	call := func(l *slog.Logger, n int) time.Duration {
		start := time.Now()
		for range n {
			l.LogAttrs(ctx, slog.LevelDebug, "hidden", slog.Int("n", 1))
		}
		return time.Since(start)
	}
	const warm = 1_000_000
	call(peer, warm)
	theirs := call(peer, warm)
	b.ReportAllocs()
	b.ResetTimer()
	took := call(ours, b.N)
	b.StopTimer()
	ratio(b, took, b.N, theirs, warm)
}

// BenchmarkEnabled (L-15) is a record with five attributes, redaction on, to stderr and the spool; its ratio is to
// slog's JSONHandler writing to a file. The two take turns, so that what else the machine does hits both.
func BenchmarkEnabled(b *testing.B) {
	dir := b.TempDir()
	file, err := os.Create(filepath.Join(dir, "peer.log"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	peer := slog.New(slog.NewJSONHandler(file, nil)).With("service", "bench", "instance", "bench-1", "logger", "bench.part")
	logs := opened(b, Settings{Service: "bench", Instance: "bench-1", Stderr: io.Discard, SpoolDir: filepath.Join(dir, "bench", "bench-1")})
	ours := logs.Logger("bench.part")
	timeCalls(peer, 1000)
	timeCalls(ours, 1000)
	b.ReportAllocs()
	b.ResetTimer()
	var took, theirs []time.Duration
	for left := b.N; left > 0; {
		n := min(left, 1000)
		took = append(took, timeCalls(ours, n)...)
		b.StopTimer()
		theirs = append(theirs, timeCalls(peer, n)...)
		b.StartTimer()
		left -= n
	}
	b.StopTimer()
	ratio(b, sum(took), len(took), sum(theirs), len(theirs))
	b.ReportMetric(float64(quantile(took, 0.5))/float64(quantile(theirs, 0.5)), "p50-x-slog")
	b.ReportMetric(float64(quantile(took, 0.5)), "p50-ns")
	b.ReportMetric(float64(quantile(took, 0.99)), "p99-ns")
	b.ReportMetric(float64(quantile(theirs, 0.5)), "peer-p50-ns")
	b.ReportMetric(float64(quantile(theirs, 0.99)), "peer-p99-ns")
}

// BenchmarkRedacting is what a record with three secrets in it costs, without stderr and spool: its ratio is to the
// same record with nothing to hide.
func BenchmarkRedacting(b *testing.B) {
	l := slog.New(newHandler(nowhere{}, testFormat(), Settings{Levels: level.NewTable(level.Spec{})}, "bench"))
	call := func(n int, url, auth, card string) time.Duration {
		start := time.Now()
		for range n {
			l.LogAttrs(context.Background(), slog.LevelInfo, "dial", slog.String("url", url), slog.String("header", auth), slog.String("note", card))
		}
		return time.Since(start)
	}
	plain := func(n int) time.Duration {
		return call(n, "postgres://app@db.internal:5432/catalogs", "authorization of the caller is absent", "paid with 4111111111111112")
	}
	plain(1000)
	theirs := plain(100_000)
	b.ReportAllocs()
	b.ResetTimer()
	took := call(b.N, "postgres://app:hunter2@db.internal:5432/catalogs", "Bearer 0a1b2c3d4e5f0a1b2c3d4e5f", "paid with 4111111111111111")
	b.StopTimer()
	b.ReportMetric(float64(took)/float64(b.N)/(float64(theirs)/100_000), "x-plain")
}

type nowhere struct{}

func (nowhere) record(spool.Class, []byte) {}

func timeCalls(l *slog.Logger, n int) []time.Duration { return timeIn(context.Background(), l, n) }

func timeIn(ctx context.Context, l *slog.Logger, n int) []time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		l.LogAttrs(ctx, slog.LevelInfo, "record stored", slog.String("user_id", "u-4711"), slog.Int("rows", i),
			slog.String("route", "/api/catalogs/v1/records"), slog.Duration("took", 1234567), slog.Bool("cached", false))
		took[i] = time.Since(start)
	}
	return took
}

func sum(all []time.Duration) (total time.Duration) {
	for _, d := range all {
		total += d
	}
	return total
}

func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}

func ratio(b *testing.B, took time.Duration, n int, theirs time.Duration, m int) {
	b.ReportMetric(float64(took)/float64(n)/(float64(theirs)/float64(m)), "x-slog")
}
