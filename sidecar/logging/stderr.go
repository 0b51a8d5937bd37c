package logging

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxPending bounds what waits for a slow stderr, in bytes.
const maxPending = 1 << 20

// bounded writes lines to a writer in the background. A caller is never blocked by the writer: lines that
// find the buffer full are dropped and counted.
type bounded struct {
	to      io.Writer
	dropped prometheus.Counter
	wake    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	pending []byte
	closed  bool
}

func newBounded(to io.Writer, reg prometheus.Registerer) (*bounded, error) {
	b := &bounded{to: to, wake: make(chan struct{}, 1), done: make(chan struct{})}
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
	first := len(b.pending) == 0
	if fits {
		b.pending = append(append(b.pending, l...), '\n')
	}
	b.mu.Unlock()
	switch {
	case !fits:
		b.dropped.Inc()
	case first:
		b.signal()
	}
}

func (b *bounded) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *bounded) run() {
	defer close(b.done)
	var spare []byte
	for range b.wake {
		lines, closed := b.take(spare)
		if len(lines) > 0 {
			_, _ = b.to.Write(lines) // nobody is left to tell
		}
		if closed {
			return
		}
		spare = lines
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
	b.signal()
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
