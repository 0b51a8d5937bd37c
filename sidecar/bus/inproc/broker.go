package inproc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// Settings of a broker.
type Settings struct {
	Dir   string        // made if missing; one process at a time has it
	Grace time.Duration // how long a publish waits for handlers before the event goes to disk; 0: 20 ms
}

// Broker is shared by the sidecars of one process. Safe for concurrent use.
type Broker struct {
	store *store
	grace time.Duration

	mu     sync.RWMutex
	queues map[string]*queue
	boxes  map[string]*mailbox
	closed bool
}

// New opens the folder and what lies in it. An error is the operator's: no such place, or in use.
func New(s Settings) (*Broker, error) {
	if s.Grace <= 0 {
		s.Grace = 20 * time.Millisecond
	}
	st, err := openStore(s.Dir)
	if err != nil {
		return nil, err
	}
	b := &Broker{store: st, grace: s.Grace, queues: map[string]*queue{}, boxes: map[string]*mailbox{}}
	if err := b.load(); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return b, nil
}

func (b *Broker) load() error {
	names, err := b.store.queues()
	if err != nil {
		return err
	}
	for _, name := range names {
		q, err := loadQueue(b.store, name)
		if err != nil {
			return err
		}
		b.queues[name] = q
	}
	return nil
}

// Open gives a sidecar its client.
func (b *Broker) Open(c bus.Client) (bus.Bus, error) {
	f, err := flow.New("signalbox_inproc", c)
	if err != nil {
		return nil, err
	}
	f.Metrics.Connected.Set(1)
	f.Metrics.Connects.Inc()
	return &client{broker: b, flow: f, stops: map[*stopper]struct{}{}}, nil
}

// Close ends all delivery. Close the clients first: it does not wait for their handlers.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	for _, q := range b.queues {
		q.close()
	}
	return b.store.close()
}

// publish routes m and returns when all who take it have answered for it.
func (b *Broker) publish(ctx context.Context, m flow.Message) error {
	queues, boxes, err := b.route(m.Exchange, m.Key)
	if err != nil {
		return err
	}
	if len(queues)+len(boxes) == 0 && m.Light {
		return nil
	}
	if len(queues)+len(boxes) == 0 {
		return fmt.Errorf("%w: %s %s", bus.ErrUnroutable, m.Exchange, m.Key)
	}
	r := newRecord(m)
	for _, box := range boxes {
		box.put(r)
	}
	if err := b.spread(ctx, queues, r); err != nil {
		return fmt.Errorf("%w: %w", bus.ErrNotTaken, err)
	}
	return nil
}

func (b *Broker) spread(ctx context.Context, queues []*queue, r record) error {
	if len(queues) == 1 {
		return queues[0].publish(ctx, r, b.grace)
	}
	var all errgroup.Group
	for _, q := range queues {
		all.Go(func() error { return q.publish(ctx, r, b.grace) })
	}
	return all.Wait()
}

func (b *Broker) route(exchange, key string) (queues []*queue, boxes []*mailbox, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return nil, nil, bus.ErrClosed
	}
	for _, q := range b.queues {
		if q.takes(exchange, key) {
			queues = append(queues, q)
		}
	}
	for _, box := range b.boxes {
		if box.takes(exchange, key) {
			boxes = append(boxes, box)
		}
	}
	return queues, boxes, nil
}

// subscribe returns what ends the subscription.
func (b *Broker) subscribe(s bus.Subscription, f *flow.Flow) (func(context.Context) error, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	if s.Exclusive {
		return b.openMailbox(s, f)
	}
	q, err := b.declare(s)
	if err != nil {
		return nil, err
	}
	c := q.attach(s, f)
	return func(ctx context.Context) error { return q.detach(ctx, c) }, nil
}

func (b *Broker) openMailbox(s bus.Subscription, f *flow.Flow) (func(context.Context) error, error) {
	if b.boxes[s.Queue] != nil || b.queues[s.Queue] != nil {
		return nil, fmt.Errorf("subscribe %q: the queue is somebody else's", s.Queue)
	}
	box := newMailbox(s, f)
	b.boxes[s.Queue] = box
	return func(ctx context.Context) error {
		b.mu.Lock()
		delete(b.boxes, s.Queue)
		b.mu.Unlock()
		return box.stop(ctx)
	}, nil
}

func (b *Broker) declare(s bus.Subscription) (*queue, error) {
	if b.boxes[s.Queue] != nil {
		return nil, fmt.Errorf("subscribe %q: the queue is exclusive", s.Queue)
	}
	q := b.queues[s.Queue]
	if q == nil {
		fresh, err := loadQueue(b.store, s.Queue)
		if err != nil {
			return nil, err
		}
		q = fresh
	}
	if err := q.bind(s.Exchange, s.Keys); err != nil {
		return nil, err
	}
	b.queues[s.Queue] = q
	return q, nil
}

func (b *Broker) queue(name string) (*queue, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return nil, bus.ErrClosed
	}
	if q := b.queues[name]; q != nil {
		return q, nil
	}
	return nil, fmt.Errorf("queue %q: %w", name, bus.ErrNoQueue)
}

func (b *Broker) ready() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return bus.ErrClosed
	}
	if err := b.store.healthy(); err != nil {
		return fmt.Errorf("bus folder refuses writes: %w", err)
	}
	return nil
}
