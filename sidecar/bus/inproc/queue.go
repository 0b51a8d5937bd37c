package inproc

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// binding ties a queue to keys of an exchange.
type binding struct {
	Exchange string `json:"exchange"`
	Key      string `json:"key"`
}

func (b binding) takes(exchange, key string) bool {
	return b.Exchange == exchange && (exchange == bus.Control || match(b.Key, key))
}

// queue is a durable one.
type queue struct {
	name  string
	store *store

	mu        sync.Mutex
	bindings  []binding
	seq       uint64
	ready     []*item // oldest first
	delayed   map[*item]*time.Timer
	consumers []*consumer
	turn      int // of the consumers, round robin
	closed    bool
}

// loadQueue reads a queue that was declared before, with all that waits in it.
func loadQueue(s *store, name string) (*queue, error) {
	q := &queue{name: name, store: s, delayed: map[*item]*time.Timer{}}
	if err := s.declare(name); err != nil {
		return nil, err
	}
	if err := read(q.file(), &q.bindings); err != nil && !isMissing(err) {
		return nil, err
	}
	for _, sub := range []string{parked, pending} {
		if err := s.sweep(name, sub); err != nil {
			return nil, fmt.Errorf("load queue %q: %w", name, err)
		}
		paths, err := s.list(name, sub)
		if err != nil {
			return nil, fmt.Errorf("load queue %q: %w", name, err)
		}
		for _, path := range paths {
			n, _ := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), ".json"), 10, 64)
			q.seq = max(q.seq, n)
			if sub == pending {
				q.ready = append(q.ready, &item{seq: n, stored: true})
			}
		}
	}
	return q, nil
}

func (q *queue) file() string { return filepath.Join(q.store.folder(q.name), "queue.json") }

func (q *queue) path(sub string, seq uint64) string {
	return filepath.Join(q.store.folder(q.name), sub, fmt.Sprintf("%020d.json", seq))
}

// bind adds to the bindings, durably.
func (q *queue) bind(exchange string, keys []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := slices.Clone(q.bindings)
	for _, key := range keys {
		if b := (binding{exchange, key}); !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	if len(all) == len(q.bindings) && len(all) > 0 {
		return nil
	}
	if err := q.store.write(q.file(), all); err != nil {
		return fmt.Errorf("bind queue %q: %w", q.name, err)
	}
	q.bindings = all
	return nil
}

func (q *queue) takes(exchange, key string) bool {
	if exchange == bus.Direct {
		return q.name == key
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.bindings, func(b binding) bool { return b.takes(exchange, key) })
}

// publish returns when the event was handled or is on disk.
func (q *queue) publish(ctx context.Context, r record, grace time.Duration) error {
	it, attended := q.accept(r)
	if attended {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-it.settled:
			return it.err
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := q.keep(it); err != nil {
		q.withdraw(it)
		return err
	}
	return nil
}

// accept queues the event; attended says that somebody is there to handle it.
func (q *queue) accept(r record) (it *item, attended bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	it = &item{seq: q.seq, record: r, settled: make(chan struct{})}
	q.ready = append(q.ready, it)
	q.dispatch()
	return it, len(q.consumers) > 0
}

// withdraw takes back an event that nobody has begun to handle.
func (q *queue) withdraw(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready = slices.DeleteFunc(q.ready, func(other *item) bool { return other == it })
}

// dispatch hands ready events to consumers that have room. q.mu is held.
func (q *queue) dispatch() {
	for len(q.ready) > 0 && !q.closed {
		c := q.free()
		if c == nil {
			return
		}
		it := q.ready[0]
		q.ready = q.ready[1:]
		c.busy++
		c.inFlight.Add(1)
		go q.handle(c, it)
	}
}

func (q *queue) free() *consumer {
	for range q.consumers {
		q.turn = (q.turn + 1) % len(q.consumers)
		if c := q.consumers[q.turn]; c.busy < c.sub.Prefetch {
			return c
		}
	}
	return nil
}

func (q *queue) handle(c *consumer, it *item) {
	defer c.inFlight.Done()
	q.settle(c, it, q.try(c, it))
	q.mu.Lock()
	defer q.mu.Unlock()
	c.busy--
	q.dispatch()
}

// try handles the event once. What cannot be read, and what has expired, goes to the parking place.
func (q *queue) try(c *consumer, it *item) flow.Verdict {
	r, err := q.open(it)
	if err != nil {
		return flow.Verdict{Reason: flow.Reason(err)}
	}
	d, err := r.delivery()
	if err != nil {
		return flow.Verdict{Reason: flow.Reason(err)}
	}
	if r.expired() {
		return c.flow.Judge(c.ctx, q.name, d, bus.Park(errExpired))
	}
	return c.flow.Judge(c.ctx, q.name, d, c.flow.Process(c.ctx, c.sub, d))
}

func (q *queue) settle(c *consumer, it *item, v flow.Verdict) {
	var err error
	switch {
	case v.Done:
		err = q.finish(it)
	case v.Retry:
		err = q.retry(it, v)
	default:
		err = q.park(it, v.Reason)
	}
	if err == nil {
		return
	}
	c.flow.Client.Logger.ErrorContext(c.ctx, "bus folder refuses a write", slog.String("queue", q.name), slog.Any("err", err))
	q.fail(it, err)
}
