package inproc

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// consumer is one subscription to a durable queue.
type consumer struct {
	sub      bus.Subscription
	flow     *flow.Flow
	ctx      context.Context // of its handlers; ends when stop's patience does
	cancel   context.CancelFunc
	inFlight sync.WaitGroup
	busy     int // handlers running; guarded by the queue's mu
}

func (q *queue) attach(s bus.Subscription, f *flow.Flow) *consumer {
	c := &consumer{sub: s, flow: f}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	q.mu.Lock()
	defer q.mu.Unlock()
	q.consumers = append(q.consumers, c)
	q.dispatch()
	return c
}

// detach ends deliveries to c and waits for its handlers.
func (q *queue) detach(ctx context.Context, c *consumer) error {
	q.mu.Lock()
	q.consumers = slices.DeleteFunc(q.consumers, func(other *consumer) bool { return other == c })
	q.mu.Unlock()
	defer c.cancel()
	return wait(ctx, &c.inFlight, c.sub.Queue)
}

func wait(ctx context.Context, wg *sync.WaitGroup, queue string) error {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("handlers of %q are still running: %w", queue, ctx.Err())
	}
}

// close stops timers; what waits is on disk.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, t := range q.delayed {
		t.Stop()
	}
	clear(q.delayed)
}
