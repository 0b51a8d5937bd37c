package scheduler

import (
	"context"
	"fmt"
	"sync"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// maxTogether receipts are settled in one transaction; so many may be in flight to this replica.
const maxTogether = 500

// gatherer joins what concurrent calls bring: the first one does its own, and then all that came meanwhile at once,
// until nothing is left. So one alone waits for nobody, and many share a transaction. Safe for concurrent use.
type gatherer struct {
	do func(ctx context.Context, all []*receipt) error // at most maxTogether

	mu      sync.Mutex
	busy    bool
	waiting []*receipt
}

// receipt on its way into the ledger.
type receipt struct {
	bus.Delivery
	settled postgres.Settled
	ended   chan error // buffered
}

// handle returns when the delivery's transaction has ended.
func (g *gatherer) handle(ctx context.Context, d bus.Delivery) error {
	settled, err := receiptOf(d)
	if err != nil {
		return bus.Park(err)
	}
	r := &receipt{Delivery: d, settled: settled, ended: make(chan error, 1)}
	if g.join(r) {
		for part := g.next(); part != nil; part = g.next() {
			g.together(ctx, part)
		}
	}
	return <-r.ended
}

// join reports whether the caller has to do it.
func (g *gatherer) join(r *receipt) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, r)
	free := !g.busy
	g.busy = true
	return free
}

func (g *gatherer) next() []*receipt {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), maxTogether)
	if n == 0 {
		g.busy, g.waiting = false, nil
		return nil
	}
	part := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return part
}

// together tries all at once; when that fails each one alone, so that one receipt's error is its own.
func (g *gatherer) together(ctx context.Context, part []*receipt) {
	err := g.try(ctx, part)
	for _, r := range part {
		if err != nil && len(part) > 1 {
			r.ended <- g.try(ctx, []*receipt{r})
			continue
		}
		r.ended <- err
	}
}

// try keeps a panic from leaving everybody waiting who has come meanwhile.
func (g *gatherer) try(ctx context.Context, part []*receipt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("settle %d receipts: panic: %v", len(part), p)
		}
	}()
	return g.do(ctx, part)
}
