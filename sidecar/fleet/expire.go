package fleet

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// tally is what a lease has cost when its budget was spent.
type tally struct {
	id           string
	lines, bytes int64
}

// expire ends leases when their time is over, until ctx ends.
func (l *leases) expire(ctx context.Context) {
	for {
		l.settle()
		timer := time.NewTimer(l.due(time.Now()))
		select {
		case <-timer.C:
		case <-l.changed:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// mostUnwatched is how long expire sleeps at most: it need not be woken for what ends later, as most leases do when they come.
const mostUnwatched = time.Minute

// due ends what is over, and returns the time until the next end, or until it is to be asked again.
func (l *leases) due(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, over := mostUnwatched, []lease.Lease(nil)
	for id, one := range l.held {
		if one.Kept() {
			continue
		}
		if left := one.Until.Sub(now); left > 0 {
			next = min(next, left)
			continue
		}
		l.remove(id)
		over = append(over, one.Lease)
	}
	l.next = now.Add(next)
	if over != nil {
		l.push()
	}
	for _, one := range over {
		l.note(Event{LeaseID: one.ID, What: Expired, Before: one.Value, After: l.now(one), Detail: described(one)})
	}
	return next
}

// now is what holds where the lease held: known for levels alone.
func (l *leases) now(one lease.Lease) string {
	if one.Kind != lease.Level || l.effective == nil {
		return ""
	}
	return l.effective(one.Logger).String()
}

// spend is called by an effect that has let a lease go because its budget was spent. It waits for nobody: whoever logs
// the line that was one too many does not wait for a change that is under way.
func (l *leases) spend(t tally) {
	l.tallies.Lock()
	defer l.tallies.Unlock()
	l.spent = append(l.spent, t)
	l.wake()
}

// settle notes the budgets that were spent.
func (l *leases) settle() {
	l.tallies.Lock()
	all := l.spent
	l.spent = nil
	l.tallies.Unlock()
	if len(all) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range all {
		if one := l.held[t.id]; one != nil && !one.spent {
			one.spent = true
			l.note(Event{LeaseID: t.id, What: Spent, Before: one.Value, After: l.now(one.Lease),
				Detail: fmt.Sprintf("%s, after %d lines and %d bytes", described(one.Lease), t.lines, t.bytes)})
		}
	}
	l.save()
}

func described(l lease.Lease) string {
	logger := l.Logger
	if logger == "" && l.Kind == lease.Level {
		logger = "root"
	}
	if logger != "" {
		logger = " of " + logger
	}
	return l.Kind + logger
}
