package health_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// When Start's context ends nothing runs any more, whatever the checks do.
func TestStopLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		h := health.New(health.Settings{})
		h.Add(health.Check{Name: "slow", Run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }})
		h.Add(health.Check{Name: "fast", Run: func(context.Context) error { return nil }})
		h.Start(ctx)
		h.Start(ctx)
		cancel()
	}
	h := health.New(health.Settings{})
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	h.Add(health.Check{Name: "late", Run: func(context.Context) error { return nil }})
	h.Start(ended)
}
