// Package overdue knows which timed events should have ended by now. It goes by the scheduler's news alone (what is planned,
// what has ended) and computes the rest, so that a scheduler that is dead is seen by what it does not say. It is pure: no
// clock, no store.
package overdue

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// Grace is what news may take from the due time of an event, over a change of leaders, to this store.
const Grace = 15 * time.Second

// Bounds of one look at a plan.
const (
	maxSteps = 10_000 // due times stepped over at once; the rest follows with the next news
	maxCount = 1000   // overdue due times counted one by one
)

// Plan is what is known of one schedule.
type Plan struct {
	Name     string
	Service  string
	Spec     timed.Spec
	Revision int64
	Paused   bool
	Retired  bool      // kept, so that old news does not bring it back
	From     time.Time // every due time up to it has ended, or is nobody's
	Last     End       // the newest due time that has ended
}

// End is what became of a due time, or of all from Due until Until.
type End struct {
	Due, Until    time.Time
	State, Reason string
}

// Item is a schedule with due times that should have ended.
type Item struct {
	Schedule string
	Service  string
	Due      time.Time // the first of them
	Since    time.Time // when its end was expected
	Count    int       // of them; More: there are more
	More     bool
	Last     End
}

// Change is news of a plan.
type Change struct {
	Plan
	At      time.Time // when it was changed; of a settled one: every due time before it has ended
	Settled bool      // not a change: this is how things are
}

// Apply the change to what is known; known is false where nothing is. changed is false for what is older than that.
func Apply(have Plan, known bool, c Change) (after Plan, changed bool) {
	after = c.Plan
	switch {
	case !known:
		after.From = c.At
		return after, true
	case c.Settled:
		after.From, after.Last = latest(have.From, c.At), have.Last
		if have.Revision > c.Revision {
			after = have
			after.From = latest(have.From, c.At)
		}
		return after, true
	case have.Revision >= c.Revision:
		return have, false
	}
	after.From, after.Last = have.From, have.Last
	if have.Retired || !sameTiming(have, c.Plan) {
		after.From = latest(have.From, c.At)
	}
	return after, true
}

func sameTiming(a, b Plan) bool {
	x, y := a.Spec.Schedule(a.Name).When(), b.Spec.Schedule(b.Name).When()
	left, errLeft := json.Marshal(x)
	right, errRight := json.Marshal(y)
	return errLeft == nil && errRight == nil && string(left) == string(right)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Ended moves the plan over what has ended. ends may come in any order and more than once; those that are left are ahead of
// a due time that has not ended yet, and are to be brought again.
func (p *Plan) Ended(t timing.Timing, ends []End) (left []End) {
	ends = slices.Clone(ends)
	slices.SortFunc(ends, func(a, b End) int { return a.Due.Compare(b.Due) })
	for _, e := range ends {
		if !e.Until.Before(p.Last.Due) {
			p.Last = e
			p.Last.Due = e.Until
		}
	}
	next := t.Next(p.From)
	for steps := 0; len(ends) > 0 && !next.IsZero() && steps < maxSteps; steps++ {
		e := ends[0]
		switch {
		case e.Until.Before(next): // not of this plan any more, or said before
			ends = ends[1:]
		case e.Due.After(next):
			return join(t, ends)
		default:
			p.From, ends = e.Until, ends[1:]
			next = t.Next(p.From)
		}
	}
	if next.IsZero() {
		return nil
	}
	return join(t, ends)
}

// join makes one of ends that follow each other, sorted by due time: behind one that never comes, a schedule of every second
// has thousands within the hour.
func join(t timing.Timing, ends []End) (joined []End) {
	for _, e := range ends {
		if n := len(joined); n > 0 {
			last := &joined[n-1]
			if !e.Until.After(last.Until) {
				continue // said before
			}
			if !e.Due.After(last.Until) || t.Next(last.Until).Equal(e.Due) {
				last.Until, last.State, last.Reason = e.Until, e.State, e.Reason
				continue
			}
		}
		joined = append(joined, e)
	}
	return joined
}

// LateAt is when the first due time that has not ended is overdue; the zero time when none ever is.
func (p *Plan) LateAt(t timing.Timing) time.Time {
	next := t.Next(p.From)
	if next.IsZero() || p.Paused || p.Retired {
		return time.Time{}
	}
	return next.Add(p.allowance())
}

// allowance is the time from a due time to when it should have ended: that of one attempt.
func (p *Plan) allowance() time.Duration { return p.Spec.Schedule(p.Name).Deadline + Grace }

// Item says what of the plan is overdue now; ends are those that Ended has left. ok is false when nothing is.
func (p *Plan) Item(t timing.Timing, ends []End, now time.Time) (item Item, ok bool) {
	item = Item{Schedule: p.Name, Service: p.Service, Last: p.Last}
	before := now.Add(-p.allowance())
	due := t.Next(p.From)
	for range maxSteps {
		if due.IsZero() || due.After(before) {
			return item, item.Count > 0
		}
		if !covered(ends, due) {
			if item.Count == 0 {
				item.Due, item.Since = due, due.Add(p.allowance())
			}
			if item.Count++; item.Count == maxCount {
				break
			}
		}
		due = t.Next(due)
	}
	item.More = true
	return item, item.Count > 0
}

func covered(ends []End, due time.Time) bool {
	return slices.ContainsFunc(ends, func(e End) bool { return !due.Before(e.Due) && !due.After(e.Until) })
}
