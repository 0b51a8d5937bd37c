package amqp

import (
	"context"
	"fmt"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// gate is shut while the broker holds its publishers back (memory or disk alarm).
type gate struct {
	mu     sync.Mutex
	reason string
	opened chan struct{} // nil: open
}

func newGate() *gate { return &gate{} }

func (g *gate) shut(reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reason = reason
	if g.opened == nil {
		g.opened = make(chan struct{})
	}
}

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

func (g *gate) state() (reason string, blocked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.reason, g.opened != nil
}

func (g *gate) pass(ctx context.Context, dead <-chan struct{}) error {
	g.mu.Lock()
	opened, reason := g.opened, g.reason
	g.mu.Unlock()
	if opened == nil {
		return nil
	}
	select {
	case <-opened:
		return nil
	case <-dead:
		return bus.ErrNotTaken
	case <-ctx.Done():
		return fmt.Errorf("%w: blocked by the broker (%s): %w", bus.ErrNotTaken, reason, ctx.Err())
	}
}
