package timing

import (
	"hash/fnv"
	"slices"
	"time"
)

// maxSteps bounds how many times of an interval may be left out in a row.
const maxSteps = 10_000

// Timing is a Spec that was understood. It is immutable and safe for concurrent use.
type Timing struct {
	nominal    nominal
	start, end time.Time
	jitter     time.Duration // the delay itself
}

// nominal due times, before jitter: the first after after, in seconds since the epoch. The search ends at limit.
type nominal interface {
	next(after, limit int64) (int64, bool)
}

// Next is the first due time strictly after after, in UTC; the zero time when there is none within forty years,
// or when the schedule is malformed. Callers with many times to ask keep the Timing.
func Next(s Spec, after time.Time) time.Time {
	t, err := Parse(s)
	if err != nil {
		return time.Time{}
	}
	return t.Next(after)
}

// Next is the first due time strictly after after, in UTC; the zero time when there is none within forty years.
func (t Timing) Next(after time.Time) time.Time {
	if t.nominal == nil || after.Year() > maxYear {
		return time.Time{}
	}
	after = after.Add(-t.jitter)
	if after.Before(t.start) {
		after = t.start.Add(-time.Nanosecond)
	}
	sec := max(after.Unix(), earliest().Unix())
	limit := min(sec+horizon, latest().Unix())
	if !t.end.IsZero() {
		limit = min(limit, t.end.Add(-time.Nanosecond).Unix())
	}
	due, ok := t.nominal.next(sec, limit)
	if !ok || !t.end.IsZero() && !time.Unix(due, 0).Before(t.end) {
		return time.Time{}
	}
	return time.Unix(due, 0).UTC().Add(t.jitter)
}

// No due time is before or after these.
func earliest() time.Time { return time.Date(1, 1, 3, 0, 0, 0, 0, time.UTC) }
func latest() time.Time   { return time.Date(maxYear, 12, 29, 0, 0, 0, 0, time.UTC) }

// wallTimes are due times that are named on the wall clock: a cron line.
type wallTimes struct {
	clock
	walls walls
}

func (w wallTimes) next(after, limit int64) (int64, bool) {
	return w.clock.next(w.walls, after, limit)
}

// interval is due at anchor + n·every but where free is not; a nil free leaves nothing out.
type interval struct {
	every, anchor int64
	free          nominal
}

func (i interval) next(after, limit int64) (int64, bool) {
	for range maxSteps {
		due := i.anchor + (floor(after-i.anchor, i.every)+1)*i.every
		if due > limit {
			return 0, false
		}
		if i.free == nil {
			return due, true
		}
		open, ok := i.free.next(due-1, limit)
		switch {
		case !ok:
			return 0, false
		case open == due:
			return due, true
		}
		after = open - 1
	}
	return 0, false
}

// instants are single due times, sorted.
type instants []int64

func (all instants) next(after, _ int64) (int64, bool) {
	i, found := slices.BinarySearch(all, after)
	if found {
		i++
	}
	if i == len(all) {
		return 0, false
	}
	return all[i], true
}

// delay is the jitter's fixed share of a schedule.
func delay(jitter time.Duration, seed string) time.Duration {
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // a hash takes everything
	return time.Duration(h.Sum64()%uint64(jitter/time.Second)) * time.Second
}
