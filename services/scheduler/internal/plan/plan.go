// Package plan decides what becomes of due times: fired, or left out and why. It is pure: no clock, no store.
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
	maxFires   = 100    // of one schedule
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
}

// Entry is one new row of the ledger. Reason is empty for what is to be fired.
type Entry struct {
	Due    time.Time
	Until  time.Time // last due time it stands for
	Missed int       // how many due times it stands for; 0 for what is to be fired
	Reason api.Reason
}

// Decide takes the due times of s up to now, oldest first. next is the first one not decided; the zero time
// when there is none any more.
func Decide(s Schedule, now time.Time) (entries []Entry, next time.Time) {
	if s.Invalid != nil {
		return []Entry{skipped(s.NextDue, api.ReasonInvalid)}, time.Time{}
	}
	fires := 0
	for range maxScan {
		due := s.NextDue
		if due.IsZero() || due.After(now) || fires == maxFires {
			break
		}
		s.NextDue = s.Timing.Next(due)
		if reason := reasonToSkip(s, due, now); reason != "" {
			entries = append(entries, skipped(due, reason))
			continue
		}
		entries = append(entries, Entry{Due: due, Until: due})
		fires++
	}
	return fold(entries), s.NextDue
}

func skipped(due time.Time, reason api.Reason) Entry {
	return Entry{Due: due, Until: due, Missed: 1, Reason: reason}
}

// reasonToSkip a due time, whose successor is s.NextDue; "" when it is to be fired.
func reasonToSkip(s Schedule, due, now time.Time) api.Reason {
	age := now.Sub(due)
	switch {
	case s.Paused:
		return api.ReasonPaused
	case age <= Grace:
		return ""
	case age > s.Window:
		return api.ReasonTooLate
	case s.Misfire == timed.MisfireSkip:
		return api.ReasonMisfire
	case s.Misfire == timed.MisfireOnce && followed(s, now): // a later one stands for it
		return api.ReasonMisfire
	default:
		return ""
	}
}

func followed(s Schedule, now time.Time) bool {
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

// run is the number of leading entries that are alike; one that is to be fired stands alone.
func run(entries []Entry) int {
	n := 1
	for n < len(entries) && entries[0].Reason != "" && entries[n].Reason == entries[0].Reason {
		n++
	}
	return n
}
