package logging

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	maxPending = 1 << 20          // bounds what waits for a slow stderr, in bytes
	hasty      = maxPending / 4   // what does not wait for the rest, in bytes
	rest       = time.Millisecond // between two writes, so that a burst does not wake the writer with every line
)

// bounded writes lines to a writer in the background: the first at once, what follows it within a millisecond
// together. A caller is never blocked by the writer: lines that find the buffer full are dropped and counted.
type bounded struct {
	to      io.Writer
	dropped prometheus.Counter
	wake    chan struct{} // there is something to write
	hurry   chan struct{} // there is much, or the end has come
	done    chan struct{}

	mu      sync.Mutex
	pending []byte
	closed  bool
}

func newBounded(to io.Writer, reg prometheus.Registerer) (*bounded, error) {
	b := &bounded{to: to, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), done: make(chan struct{})}
	b.dropped = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "signalbox_log_stderr_dropped_total",
		Help: "Lines not written to standard error because it was too slow",
	})
	if err := reg.Register(b.dropped); err != nil {
		return nil, fmt.Errorf("register metrics of stderr: %w", err)
	}
	go b.run()
	return b, nil
}

// line queues one line; the newline is added here.
func (b *bounded) line(l []byte) {
	b.mu.Lock()
	fits := !b.closed && len(b.pending)+len(l) < maxPending
	before := len(b.pending)
	if fits {
		b.pending = append(append(b.pending, l...), '\n')
	}
	b.mu.Unlock()
	switch {
	case !fits:
		b.dropped.Inc()
	case before == 0:
		signal(b.wake)
	case before < hasty && before+len(l) >= hasty:
		signal(b.hurry)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (b *bounded) run() {
	defer close(b.done)
	var spare []byte
	timer := time.NewTimer(rest)
	defer timer.Stop()
	for range b.wake {
		lines, closed := b.take(spare)
		if len(lines) > 0 {
			_, _ = b.to.Write(lines) // nobody is left to tell
		}
		if closed {
			return
		}
		spare = lines
		timer.Reset(rest)
		select {
		case <-timer.C:
		case <-b.hurry:
		}
	}
}

// take swaps the pending lines for an empty buffer.
func (b *bounded) take(spare []byte) (lines []byte, closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines, b.pending = b.pending, spare[:0]
	return lines, b.closed
}

// close writes what is pending and ends the writer; ctx bounds the wait for a stuck one.
func (b *bounded) close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	signal(b.wake)
	signal(b.hurry)
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
