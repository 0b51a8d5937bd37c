package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

var errConnecting = errors.New("connecting")

// line is where everybody finds the session of the moment, or waits for the next one.
type line struct {
	mu      sync.Mutex
	now     *session
	err     error         // why there is none
	changed chan struct{} // closed with every change
}

func newLine() *line { return &line{err: errConnecting, changed: make(chan struct{})} }

func (l *line) set(s *session, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.err, bus.ErrClosed) {
		return
	}
	l.now, l.err = s, err
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *line) close() { l.set(nil, bus.ErrClosed) }

func (l *line) look() (now *session, changed <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now, l.changed, l.err
}

// current is the session, or why there is none.
func (l *line) current() (*session, error) {
	s, _, err := l.look()
	switch {
	case s != nil:
		return s, nil
	case errors.Is(err, bus.ErrClosed):
		return nil, err
	}
	return nil, fmt.Errorf("not connected: %w", err)
}

// session waits for one, as long as ctx allows.
func (l *line) session(ctx context.Context) (*session, error) {
	for {
		s, changed, err := l.look()
		switch {
		case s != nil:
			return s, nil
		case errors.Is(err, bus.ErrClosed):
			return nil, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: not connected (%w): %w", bus.ErrNotTaken, err, ctx.Err())
		}
	}
}
