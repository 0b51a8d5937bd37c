package logging

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// nobody is a connection to a store that is away.
type nobody struct{ grpc.ClientConnInterface }

func (nobody) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return status.Error(codes.Unavailable, "down")
}

// BenchmarkStoreAway (L-3) is what a call costs while its records cannot be shipped. Its ratio is to the same calls
// while they are; the two take turns, and a pause between the rounds lets the shipping of the one go on.
func BenchmarkStoreAway(b *testing.B) {
	_, up := serve(b)
	var calls [2]func(n int) []time.Duration
	for i, to := range []grpc.ClientConnInterface{up, nobody{}} {
		s := settings(b, "catalogs-1")
		s.Stderr = io.Discard
		logs := opened(b, s)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = logs.Ship(ctx, to) }()
		b.Cleanup(func() { cancel(); <-done })
		log := logs.Logger("catalogs.bench")
		calls[i] = func(n int) []time.Duration { return timeCalls(log, n) }
	}
	const round = 100
	var took [2][]time.Duration
	for b.Loop() {
		for i, call := range calls {
			took[i] = append(took[i], call(round)...)
			<-time.After(2 * time.Millisecond)
		}
	}
	b.ReportMetric(0, "ns/op") // of two rounds and the pauses: means nothing
	b.ReportMetric(float64(quantile(took[1], 0.5)), "away-p50-ns")
	b.ReportMetric(float64(quantile(took[1], 0.99)), "away-p99-ns")
	b.ReportMetric(float64(quantile(took[0], 0.99)), "up-p99-ns")
	b.ReportMetric(float64(quantile(took[1], 0.99))/float64(quantile(took[0], 0.99)), "p99-x-up")
}
