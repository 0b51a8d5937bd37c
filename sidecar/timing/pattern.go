package timing

import (
	"slices"
	"time"
)

const day = 24 * 60 * 60

// pattern is a set of wall-clock seconds: those of a line without the left-out days and lines. Wall-clock time is
// counted in seconds as if it were UTC, where nothing is missing or doubled.
type pattern struct {
	line  line
	leave []line  // at most maxLeftOut
	days  []dates // left out; sorted, apart from each other
}

// dates are days since the epoch, both included.
type dates struct{ from, to int64 }

// next is the first wall second after after that is not later than until.
func (p pattern) next(after, until int64) (int64, bool) {
	empty := map[uint16]bool{} // sets of left-out lines that leave nothing of a day
	first := after + 1
	year, month, dom := time.Unix(first, 0).UTC().Date()
	for {
		one := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Unix()
		if one > until {
			return 0, false
		}
		set, leave := p.month(year, month, one)
		for d := from(set, dom); d > 0; d = from(set, d+1) {
			midnight := one + int64(d-1)*day
			if midnight > until {
				return 0, false
			}
			active := on(leave, d)
			if empty[active] {
				continue
			}
			at := p.inDay(active, int(max(first-midnight, 0)))
			if at >= 0 {
				return midnight + int64(at), midnight+int64(at) <= until
			}
			empty[active] = first <= midnight
		}
		if month++; month > time.December {
			year, month = year+1, time.January
		}
		dom = 1
	}
}

// has reports whether the wall second is in the set.
func (p pattern) has(wall int64) bool {
	at, ok := p.next(wall-1, wall)
	return ok && at == wall
}

// leftOut days of the month of that many days that begins on day one.
func (p pattern) leftOut(one int64, days int) (set uint64) {
	i, _ := slices.BinarySearchFunc(p.days, one, func(d dates, one int64) int { return int(min(max(d.to-one, -1), 1)) })
	for ; i < len(p.days) && p.days[i].from < one+int64(days); i++ {
		low, high := max(p.days[i].from-one, 0)+1, min(p.days[i].to-one, int64(days)-1)+1
		set |= uint64(1)<<(high+1) - uint64(1)<<low
	}
	return set
}

// month is what the line names of it but the left-out days, and what each of leave names.
func (p pattern) month(year int, month time.Month, one int64) (set uint64, leave [maxLeftOut]uint64) {
	set = p.line.days(year, month)
	if set == 0 {
		return 0, leave
	}
	for i, l := range p.leave {
		leave[i] = l.days(year, month)
	}
	return set &^ p.leftOut(floor(one, day), daysIn(year, month)), leave
}

// on are the lines that name day d.
func on(leave [maxLeftOut]uint64, d int) (active uint16) {
	for i, days := range leave {
		active |= uint16(days>>d&1) << i
	}
	return active
}

// inDay is the first second of a day, from low on, that the line names and the active ones do not; -1 when there is none.
func (p pattern) inDay(active uint16, low int) int {
	for h := from(p.line.bits[2], low/3600); h >= 0; h = from(p.line.bits[2], h+1) {
		if h > low/3600 {
			low = h * 3600
		}
		minutes, hour := p.inHour(active, h)
		for m := from(minutes, low/60%60); m >= 0; m = from(minutes, m+1) {
			if h*60+m > low/60 {
				low = h*3600 + m*60
			}
			seconds := p.line.bits[0]
			for i, l := range p.leave {
				if hour&(1<<i) != 0 && l.bits[1]&(1<<m) != 0 {
					seconds &^= l.bits[0]
				}
			}
			if s := from(seconds, low%60); s >= 0 {
				return h*3600 + m*60 + s
			}
		}
	}
	return -1
}

// inHour are the minutes of which something may be left, and the lines of active that name the hour.
func (p pattern) inHour(active uint16, h int) (minutes uint64, hour uint16) {
	minutes = p.line.bits[1]
	for i, l := range p.leave {
		if active&(1<<i) == 0 || l.bits[2]&(1<<h) == 0 {
			continue
		}
		hour |= 1 << i
		if from(p.line.bits[0]&^l.bits[0], 0) < 0 {
			minutes &^= l.bits[1]
		}
	}
	return minutes, hour
}

// merge sorts days and joins those that touch.
func merge(all []dates) []dates {
	slices.SortFunc(all, func(a, b dates) int { return int(min(max(a.from-b.from, -1), 1)) })
	apart := all[:0]
	for _, d := range all {
		if n := len(apart); n > 0 && d.from <= apart[n-1].to+1 {
			apart[n-1].to = max(apart[n-1].to, d.to)
			continue
		}
		apart = append(apart, d)
	}
	return apart
}

func floor(n, by int64) int64 {
	if n < 0 {
		return -((-n + by - 1) / by)
	}
	return n / by
}
