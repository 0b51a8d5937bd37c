package plan

import (
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// fire decides about a due time that is to be fired now, by the overlap policy: what is open or waits comes before it.
func (d *Decision) fire(s *Schedule, due time.Time) {
	switch {
	case !s.Serial() || d.open+d.waiting == 0:
		d.plan(due)
	case s.Overlap == timed.OverlapCancel:
		d.supersede(s, due)
	case d.waiting < buffer(s.Overlap):
		d.wait(due, api.WaitsOverlap)
	default:
		d.Entries = append(d.Entries, skipped(due, api.ReasonOverlap, Cause{}))
	}
}

// buffer is how many fires may wait.
func buffer(overlap string) int {
	switch overlap {
	case timed.OverlapBufferOne:
		return 1
	case timed.OverlapBufferAll:
		return timed.MaxBuffered
	default:
		return 0
	}
}

func (d *Decision) plan(due time.Time) {
	d.Entries = append(d.Entries, Entry{Due: due, Until: due, State: api.Planned})
	d.open++
}

func (d *Decision) wait(due time.Time, reason api.Reason) {
	d.Entries = append(d.Entries, Entry{Due: due, Until: due, State: api.Waiting, Reason: reason})
	d.waiting++
}

// supersede puts due in the place of all that came before it: what waits is left out, what is open is told to end. Of
// due times that are decided together only the last is fired.
func (d *Decision) supersede(s *Schedule, due time.Time) {
	for i, e := range d.Entries {
		if e.State != api.Skipped {
			d.Entries[i] = skipped(e.Due, api.ReasonOverlap, Cause{})
		}
	}
	d.Replace, d.open, d.waiting = s.Waiting > 0, s.Open, 0
	if s.Open == 0 {
		d.plan(due)
		return
	}
	d.Cancel = true
	d.wait(due, api.WaitsOverlap)
}

// Head is one of the first fires of a schedule that wait, in the order in which they are let go.
type Head struct {
	ID     string
	Due    time.Time
	Reason api.Reason
	Manual bool
	Since  time.Time
}

// Release says how many of a schedule's heads are let go now, when to look again (zero: when a fire of it ends, or it
// is resumed), and before when none is to be let go in any case (zero: no bound). What catches up, and what is
// backfilled, comes at most CatchUp a second; where the policy is against an overlap, one at a time and after what is
// open has ended. What waits for one that is told to end waits no longer than that one's deadline.
func (s *Schedule) Release(heads []Head, windows []Cause, now time.Time) (n int, at, after time.Time) {
	if len(heads) == 0 || s.Paused {
		return 0, at, after
	}
	if until := s.closedUntil(windows, now); !until.IsZero() {
		return 0, until, after
	}
	if s.Serial() && s.Open > 0 {
		overdue := heads[0].Since.Add(s.Deadline)
		switch {
		case s.Overlap != timed.OverlapCancel || heads[0].Reason != api.WaitsOverlap:
			return 0, at, after
		case overdue.After(now):
			return 0, overdue, after
		}
	}
	most, pause := s.Pace()
	if s.Serial() {
		most = 1
	}
	n = min(most, len(heads))
	for _, h := range heads[:n] {
		if h.Reason != api.WaitsOverlap {
			after = now.Add(pause)
		}
	}
	if len(heads) > n && !s.Serial() {
		at = now.Add(pause)
	}
	return n, at, after
}

// closedUntil is when the maintenance window ends in which nothing of s is let go; zero: there is none.
func (s *Schedule) closedUntil(windows []Cause, now time.Time) (until time.Time) {
	if s.InWindow != timed.InWindowHold && s.InWindow != timed.InWindowSkip {
		return until
	}
	for _, w := range windows {
		if w.Reason == api.ReasonWindow && w.covers(now) && w.To.After(until) {
			until = w.To
		}
	}
	return until
}

// perSecond is into how many releases at least a second of a schedule's rate is spread, fewer than twice as many; a lower
// rate is released one by one.
const perSecond = 20

// Pace is how many fires are let go at once, and how long nothing follows them: never more than CatchUp in a second.
func (s *Schedule) Pace() (most int, pause time.Duration) {
	rate := max(s.CatchUp, 1)
	most = max(1, rate/perSecond)
	steps := int64(rate / most)
	return most, time.Duration((1_000_000+steps-1)/steps) * time.Microsecond // rounded up to what the store keeps
}
