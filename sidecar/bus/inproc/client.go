package inproc

import (
	"context"
	"errors"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// client is one sidecar's view of the broker.
type client struct {
	broker *Broker
	flow   *flow.Flow

	mu       sync.Mutex
	stops    map[*stopper]struct{}
	draining bool // no new subscriptions; handlers in flight may still publish
	closed   bool
}

// stopper ends one subscription, once.
type stopper struct {
	once sync.Once
	end  func(ctx context.Context) error
	err  error
}

func (s *stopper) stop(ctx context.Context) error {
	s.once.Do(func() { s.err = s.end(ctx) })
	return s.err
}

func (c *client) Publish(ctx context.Context, p bus.Publication) error {
	return c.flow.Publish(ctx, p, func(ctx context.Context, m flow.Message) error {
		if c.isClosed() {
			return bus.ErrClosed
		}
		return c.broker.publish(ctx, m)
	})
}

func (c *client) Subscribe(_ context.Context, s bus.Subscription) (func(context.Context) error, error) {
	s, err := s.Checked()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return nil, bus.ErrClosed
	}
	end, err := c.broker.subscribe(s, c.flow)
	if err != nil {
		return nil, err
	}
	st := &stopper{end: end}
	c.stops[st] = struct{}{}
	return func(ctx context.Context) error {
		c.mu.Lock()
		delete(c.stops, st)
		c.mu.Unlock()
		return st.stop(ctx)
	}, nil
}

func (c *client) Ready() error {
	if c.isClosed() {
		return bus.ErrClosed
	}
	return c.broker.ready()
}

func (c *client) Parked(ctx context.Context, queue string, limit int) ([]bus.Parked, error) {
	q, err := c.broker.queue(queue)
	if err != nil {
		return nil, err
	}
	return q.listParked(ctx, limit)
}

func (c *client) Replay(ctx context.Context, queue string, ids ...string) (int, error) {
	q, err := c.broker.queue(queue)
	if err != nil {
		return 0, err
	}
	return q.replay(ctx, ids)
}

// Close ends this client's subscriptions, all at once; the broker goes on.
func (c *client) Close(ctx context.Context) error {
	stops := c.drain()
	defer c.disconnect()
	errs := make(chan error, len(stops))
	for st := range stops {
		go func() { errs <- st.stop(ctx) }()
	}
	var all error
	for range stops {
		all = errors.Join(all, <-errs)
	}
	return all
}

func (c *client) drain() map[*stopper]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	stops := c.stops
	c.stops = map[*stopper]struct{}{}
	return stops
}

func (c *client) disconnect() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.flow.Metrics.Connected.Set(0)
}

func (c *client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
