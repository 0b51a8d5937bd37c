// Package plan decides what becomes of due times: fired, kept waiting, or left out and why. It is pure: no clock, no
// store.
package plan

import (
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// Grace is how late a due time may be planned and still count as late, not missed: a change of leaders
// takes seconds and must not skip anything.
const Grace = 10 * time.Second

// Bounds of one decision; what is left over is decided in the next pass, which follows at once.
const (
	maxFires   = 500    // of one schedule
	maxScan    = 10_000 // due times looked at
	maxSkipped = 100    // more than these in a row, for one reason, share a row
)

// Schedule as the planner needs it.
type Schedule struct {
	timed.Schedule
	Timing  timing.Timing // of its When
	Invalid error         // instead of a Timing
	Service string
	Paused  bool
	NextDue time.Time // the first due time not decided yet
	Open    int       // fires of it that may be at work; asked for where Serial only
	Waiting int       // fires of it that wait, backfilled ones aside; likewise
}

// Foreseen reports that the fire of its next due time, which is the given one, depends on nothing that may still happen: on no
// maintenance window, and on no other fire's end.
func (s *Schedule) Foreseen(due time.Time) bool {
	return s.NextDue.Equal(due) && s.Invalid == nil && !s.Paused && !s.Serial() && s.InWindow != timed.InWindowHold && s.InWindow != timed.InWindowSkip
}

// Serial reports that no two fires of s are to be at work at once.
func (s *Schedule) Serial() bool { return s.Overlap != timed.OverlapAllow && s.Overlap != "" }

// Cause is why nothing could be fired for a while: an outage, or a maintenance window of the schedule's service.
type Cause struct {
	Reason api.Reason
	From   time.Time
	To     time.Time // exclusive; zero: it lasts
}

func (c Cause) covers(t time.Time) bool {
	return !t.Before(c.From) && (c.To.IsZero() || t.Before(c.To))
}

// Entry is one new row of the ledger.
type Entry struct {
	Due    time.Time
	Until  time.Time // last due time it stands for
	Missed int       // how many due times it stands for; 0 for what is, or may be, fired
	State  api.State // planned, waiting or skipped
	Reason api.Reason
	Cause  Cause // of the reason; zero: none
}

// Decision about the due times of a schedule up to now.
type Decision struct {
	Entries []Entry   // oldest first
	Next    time.Time // the first due time that is not decided; zero: there is none any more
	LookAt  time.Time // when to decide again: Next, or when what holds it ends
	Replace bool      // its waiting fires, backfilled ones aside, are left out for the last entry
	Cancel  bool      // its open fires are to be told to end, for the last entry

	open, waiting int
}

// Waits reports that an entry waits.
func (d *Decision) Waits() bool {
	for _, e := range d.Entries {
		if e.State == api.Waiting {
			return true
		}
	}
	return false
}

// Decide takes the due times of s up to now, oldest first. causes are the outages, and the windows of its service,
// that touch the time since s.NextDue.
func Decide(s Schedule, causes []Cause, now time.Time) Decision {
	if s.Invalid != nil {
		return Decision{Entries: []Entry{skipped(s.NextDue, api.ReasonInvalid, Cause{})}}
	}
	d := Decision{open: s.Open, waiting: s.Waiting}
	fires := 0
	for range maxScan {
		due := s.NextDue
		if due.IsZero() || due.After(now) || fires == maxFires {
			break
		}
		if until := s.heldUntil(causes, due, now); !until.IsZero() {
			d.LookAt = until
			break
		}
		s.NextDue = s.Timing.Next(due)
		reason, cause := s.whyNot(causes, due, now)
		switch {
		case reason != "":
			d.Entries = append(d.Entries, skipped(due, reason, cause))
			continue
		case now.Sub(due) > Grace && s.Misfire == timed.MisfireAll:
			d.wait(due, api.WaitsCatchUp)
		default:
			d.fire(&s, due)
		}
		fires++
	}
	d.Entries, d.Next = fold(d.Entries), s.NextDue
	if d.LookAt.IsZero() {
		d.LookAt = d.Next
	}
	return d
}

func skipped(due time.Time, reason api.Reason, cause Cause) Entry {
	return Entry{Due: due, Until: due, Missed: 1, State: api.Skipped, Reason: reason, Cause: cause}
}

// heldUntil is when the maintenance window ends that holds a due time; zero: none does.
func (s *Schedule) heldUntil(causes []Cause, due, now time.Time) (until time.Time) {
	if s.Paused || s.InWindow != timed.InWindowHold {
		return until
	}
	for _, c := range causes {
		if c.Reason == api.ReasonWindow && c.covers(due) && c.To.After(now) && c.To.After(until) {
			until = c.To
		}
	}
	return until
}

// whyNot fire a due time, whose successor is s.NextDue; "" when it is to be fired.
func (s *Schedule) whyNot(causes []Cause, due, now time.Time) (api.Reason, Cause) {
	age := now.Sub(due)
	switch {
	case s.Paused:
		return api.ReasonPaused, Cause{}
	case s.InWindow == timed.InWindowSkip && s.cause(causes, due, true) != Cause{}:
		return api.ReasonWindow, s.cause(causes, due, true)
	case age <= Grace:
		return "", Cause{}
	case age > s.Window:
		return s.missed(causes, due, api.ReasonTooLate)
	case s.Misfire == timed.MisfireSkip:
		return s.missed(causes, due, api.ReasonMisfire)
	case s.Misfire == timed.MisfireOnce && s.followed(now): // a later one stands for it
		return s.missed(causes, due, api.ReasonMisfire)
	default:
		return "", Cause{}
	}
}

// missed names what a due time was missed for: a window that held it, an outage, or else the policy that left it out.
func (s *Schedule) missed(causes []Cause, due time.Time, policy api.Reason) (api.Reason, Cause) {
	for _, windows := range []bool{true, false} {
		if c := s.cause(causes, due, windows); c != (Cause{}) {
			return c.Reason, c
		}
	}
	return policy, Cause{}
}

// cause that covers a due time, among windows or among outages.
func (s *Schedule) cause(causes []Cause, due time.Time, windows bool) Cause {
	if windows && s.InWindow != timed.InWindowHold && s.InWindow != timed.InWindowSkip {
		return Cause{}
	}
	for _, c := range causes {
		if (c.Reason == api.ReasonWindow) == windows && c.covers(due) {
			return c
		}
	}
	return Cause{}
}

func (s *Schedule) followed(now time.Time) bool {
	return !s.NextDue.IsZero() && !s.NextDue.After(now)
}

// fold joins long runs of skipped due times into one row each, so that a long outage of a busy schedule
// costs rows in proportion to the runs, not to the ticks.
func fold(entries []Entry) (folded []Entry) {
	for len(entries) > 0 {
		n := run(entries)
		if n <= maxSkipped {
			folded = append(folded, entries[:n]...)
		} else {
			one := entries[0]
			one.Until, one.Missed = entries[n-1].Due, n
			folded = append(folded, one)
		}
		entries = entries[n:]
	}
	return folded
}

// run is the number of leading entries that are alike; one that is not skipped stands alone.
func run(entries []Entry) int {
	n, first := 1, entries[0]
	for n < len(entries) && first.State == api.Skipped && entries[n].State == api.Skipped &&
		entries[n].Reason == first.Reason && entries[n].Cause == first.Cause {
		n++
	}
	return n
}
