package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
)

const (
	manyFires = 100                    // of one pass begin a rush
	rushLasts = 300 * time.Millisecond // at most: other replicas publish, too, and say nothing of it here
)

// rush is the time in which many fires are due at once and are not all published yet. Receipts wait for its end, for they
// would take the processor from what is late already, and are cheaper together. There is one rush until the planner has
// caught up: where it never does, receipts have their share. Safe for concurrent use; the zero rush is over.
type rush struct {
	mu    sync.Mutex
	more  bool          // the last pass left something over
	open  int           // planned here, and not published by this replica
	over  chan struct{} // nil: there is none
	until time.Time
}

// planned is told of a pass that is committed.
func (r *rush) planned(p plan.Pass) {
	r.mu.Lock()
	defer r.mu.Unlock()
	behind := r.more // since an earlier pass
	r.more = !p.Complete
	switch {
	case r.over != nil:
		r.open += p.Fired
	case p.Fired >= manyFires && !behind:
		r.open, r.over, r.until = p.Fired, make(chan struct{}), time.Now().Add(rushLasts)
	}
	r.look()
}

// published is told of fires that the broker has answered for.
func (r *rush) published(all []outbox.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range all {
		if o.Publication.Exchange == bus.Schedule {
			r.open--
		}
	}
	r.look()
}

func (r *rush) look() {
	if r.over == nil || (r.more || r.open > 0) && time.Now().Before(r.until) {
		return
	}
	close(r.over)
	r.over = nil
}

// wait until no rush is on, or ctx ends.
func (r *rush) wait(ctx context.Context) {
	r.mu.Lock()
	r.look()
	over, left := r.over, time.Until(r.until)
	r.mu.Unlock()
	if over == nil {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hurried is a term whose passes are told to the rush.
type hurried struct {
	*postgres.Term
	rush *rush
}

func (t hurried) Pass(ctx context.Context, now time.Time) (plan.Pass, error) {
	p, err := t.Term.Pass(ctx, now)
	if err == nil {
		t.rush.planned(p)
	}
	return p, err
}

func (t hurried) Ahead(ctx context.Context, due time.Time) (plan.Pass, error) {
	p, err := t.Term.Ahead(ctx, due)
	if err == nil && p.Fired > 0 {
		t.rush.planned(p)
	}
	return p, err
}
