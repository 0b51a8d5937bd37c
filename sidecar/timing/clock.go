package timing

import "time"

const (
	horizon = 40 * 366 * day
	// segments bounds the search over changes of a zone's clock; forty years of the busiest zone have 160.
	segments = 256
	allHours = 1<<24 - 1
)

// walls are wall-clock seconds; next is the first after after that is not later than until.
type walls interface {
	next(after, until int64) (int64, bool)
}

// clock turns wall-clock times into instants, both in seconds since the epoch.
type clock struct {
	loc     *time.Location
	elapsed bool // over a change of clock, elapsed time is followed
}

// next walks the stretches between changes of the zone's clock. Within one, wall time and elapsed time
// go together, so w is searched on the wall clock, where nothing is missing or doubled.
func (c clock) next(w walls, after, limit int64) (int64, bool) {
	seg := segmentAt(after, c.loc)
	from := after + seg.offset
	for range segments {
		if !c.elapsed && seg.bounded {
			from = max(from, seg.firstNewWall()-1)
		}
		if seg.open || seg.end > limit {
			wall, ok := w.next(from, limit+seg.offset)
			if ok && (seg.open || wall-seg.offset < seg.end) {
				return wall - seg.offset, true
			}
			return 0, false
		}
		next := segmentAt(seg.end, c.loc)
		opening := seg.end + next.offset
		wall, ok := w.next(from, max(seg.end+seg.offset, opening)-1)
		if ok && wall-seg.offset < seg.end {
			return wall - seg.offset, true
		}
		if ok && !c.elapsed {
			if due := inGap(wall, opening, seg.end); due > after {
				return due, true
			}
		}
		seg, from = next, opening-1
	}
	return 0, false
}

// inGap is when a wall time that a change of clock skips is due instead: the first instant after the gap,
// or the last second before it where the gap ends on another day.
func inGap(wall, opening, end int64) int64 {
	if floor(wall, day) == floor(opening, day) {
		return end
	}
	return end - 1
}

// segment is a stretch of time with one offset from UTC, in seconds.
type segment struct {
	start, end int64
	bounded    bool // it has a start
	open       bool // it has no end
	offset     int64
	before     int64 // offset of the stretch before
}

func segmentAt(at int64, loc *time.Location) segment {
	local := time.Unix(at, 0).In(loc)
	start, end := local.ZoneBounds()
	s := segment{start: start.Unix(), end: end.Unix(), bounded: !start.IsZero(), open: end.IsZero(), offset: offset(local)}
	if s.bounded {
		s.before = offset(start.Add(-time.Second))
	}
	return s
}

// firstNewWall is the first wall time that the stretch before has not shown already.
func (s segment) firstNewWall() int64 { return s.start + max(s.before, s.offset) }

func offset(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds)
}
