package leader

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// turn plans, or holds while the bus is away, and says how long nothing is to be done.
func (l *Leader) turn(ctx context.Context, term Term, link *link) (plan.Pass, time.Duration, error) {
	unready, held := link.held(term.Down())
	l.hold(ctx, term, held)
	if !held {
		pass, err := l.pass(ctx, term)
		return pass, pass.Wait(idleEvery), err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := term.Hold(ctx, unready)
	l.passed(err)
	return plan.Pass{}, idleEvery, err
}

// hold says a change once.
func (l *Leader) hold(ctx context.Context, term Term, held bool) {
	l.metrics.hold(held)
	switch {
	case held && !term.Down():
		l.log.WarnContext(ctx, "does not plan: the bus is not ready")
	case !held && term.Down():
		l.log.InfoContext(ctx, "plans again: the bus is ready")
	}
}

// link is the leader's own view of the bus.
type link struct {
	ready func() bool
	lost  time.Time // zero: it is ready
}

// held says whether nothing is to be planned, and how long the bus has been away: for longer than the patience, or ever
// since an outage that lasts.
func (b *link) held(down bool) (unready time.Duration, held bool) {
	if b.ready() {
		b.lost = time.Time{}
		return 0, false
	}
	if b.lost.IsZero() {
		b.lost = time.Now()
	}
	unready = time.Since(b.lost)
	return unready, down || unready > patience
}

// sleep for d, or until a pass is wanted.
func sleep(ctx context.Context, alarm *alarm, term Term, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	waking, cancel := context.WithCancel(ctx)
	woken, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		woken <- term.Woken(waking)
	}()
	defer func() { cancel(); <-ended }() // the session is one goroutine's again
	return alarm.wait(ctx, d, woken)
}
