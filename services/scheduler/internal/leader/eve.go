package leader

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// Bounds of how long before its time what is due together is prepared. Whoever changes one of these schedules waits meanwhile.
const (
	shortestLead = 50 * time.Millisecond
	longestLead  = 400 * time.Millisecond
	leastLead    = 5 * time.Millisecond // less is not worth it
)

// eve is when to prepare what is due together: twice as long before as it took the last time.
type eve struct {
	lead time.Duration
	due  time.Time // that was, or is to be, prepared
}

// wait no longer than to the eve of what is due next.
func (e *eve) wait(p plan.Pass, wait time.Duration) time.Duration {
	if !p.Many || p.NextDue.Equal(e.due) {
		return wait
	}
	return min(wait, p.NextDue.Sub(p.Now)-e.lead)
}

// come says, so long after the pass, that it is time; of each due time once.
func (e *eve) come(p plan.Pass, after time.Duration) bool {
	left := p.NextDue.Sub(p.Now) - after
	if !p.Many || p.NextDue.Equal(e.due) || left < leastLead || left > e.lead {
		return false
	}
	e.due = p.NextDue
	return true
}

func (e *eve) took(d time.Duration) { e.lead = min(max(2*d, shortestLead), longestLead) }

// ahead prepares what is due, and waits for its time.
func (l *Leader) ahead(ctx context.Context, term Term, e *eve) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	p, err := term.Ahead(ctx, e.due)
	if err == nil && p.Fired > 0 {
		l.metrics.passed(p, p.Took)
		e.took(p.Took)
	}
	l.passed(err)
	return err
}
