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

// gatherer joins what concurrent calls bring: the first one does its own, and then one of those that came meanwhile does
// theirs, all at once. So one alone waits for nobody, many share a transaction, and nobody does more than one: a delivery
// must not stay unacknowledged for as long as others come. Safe for concurrent use.
type gatherer struct {
	do   func(ctx context.Context, all []*receipt) error // at most maxTogether
	calm func(ctx context.Context)                       // returns when there is nothing more urgent; nil: there never is

	mu      sync.Mutex
	busy    bool
	waiting []*receipt
}

// receipt on its way into the ledger.
type receipt struct {
	bus.Delivery
	settled postgres.Settled
	turn    chan struct{} // closed: it is to do what waits, itself the first
	ended   chan error    // buffered
}

// handle returns when the delivery's transaction has ended.
func (g *gatherer) handle(ctx context.Context, d bus.Delivery) error {
	settled, err := receiptOf(d)
	if err != nil {
		return bus.Park(err)
	}
	r := &receipt{Delivery: d, settled: settled, turn: make(chan struct{}), ended: make(chan error, 1)}
	if !g.join(r) {
		select {
		case err := <-r.ended:
			return err
		case <-r.turn:
		}
	}
	if g.calm != nil {
		g.calm(ctx)
	}
	g.together(ctx, g.next())
	g.pass()
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
	part := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return part
}

// pass the turn to whoever has waited longest.
func (g *gatherer) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.busy = len(g.waiting) > 0; g.busy {
		close(g.waiting[0].turn)
	} else {
		g.waiting = nil
	}
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
