package fleet

import (
	"cmp"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// Rates of suppressed lines are means over the time since the newest count that is shortest old, and forget what is
// longest old. Counts are taken apart at least, however often a Sync is wanted.
const (
	shortest = 10 * time.Second
	longest  = 60 * time.Second
	apart    = 2 * time.Second
	maxRates = 2000 // the highest are told
)

// rates turns what was suppressed so far into what is suppressed a second. Safe for concurrent use.
type rates struct {
	mu    sync.Mutex
	taken []count // oldest first
}

type count struct {
	at  time.Time
	all map[logged]amount
}

type logged struct {
	logger string
	level  slog.Level
}

type amount struct{ lines, bytes uint64 }

// over takes a count, and returns the rates up to it; none in the first ten seconds, or after a minute without any.
func (r *rates) over(now time.Time, all []level.Suppressed) []*fleetv1.Suppressed {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.taken) > 0 && now.Sub(r.taken[0].at) > longest {
		r.taken = r.taken[1:]
	}
	from, ok := r.from(now)
	if n := len(r.taken); n == 0 || now.Sub(r.taken[n-1].at) >= apart {
		r.taken = append(r.taken, snapshot(now, all))
	}
	if !ok {
		return nil
	}
	return from.rates(now, all)
}

// from is the count to measure from; those before it are forgotten.
func (r *rates) from(now time.Time) (from count, ok bool) {
	for i := len(r.taken) - 1; i >= 0; i-- {
		if now.Sub(r.taken[i].at) >= shortest {
			r.taken = slices.Clone(r.taken[i:])
			return r.taken[0], true
		}
	}
	return count{}, false
}

func snapshot(now time.Time, all []level.Suppressed) count {
	c := count{at: now, all: make(map[logged]amount, len(all))}
	for _, s := range all {
		c.all[logged{s.Logger, s.Level}] = amount{s.Lines, s.Bytes}
	}
	return c
}

func (c count) rates(now time.Time, all []level.Suppressed) (out []*fleetv1.Suppressed) {
	seconds := now.Sub(c.at).Seconds()
	for _, s := range all {
		before := c.all[logged{s.Logger, s.Level}]
		if s.Lines > before.lines {
			out = append(out, &fleetv1.Suppressed{Logger: s.Logger, Level: int32(min(max(s.Level, math.MinInt32), math.MaxInt32)),
				LinesPerSecond: float64(s.Lines-before.lines) / seconds, BytesPerSecond: float64(s.Bytes-min(s.Bytes, before.bytes)) / seconds})
		}
	}
	if len(out) > maxRates {
		slices.SortStableFunc(out, func(a, b *fleetv1.Suppressed) int { return cmp.Compare(b.LinesPerSecond, a.LinesPerSecond) })
		out = out[:maxRates]
	}
	return out
}
