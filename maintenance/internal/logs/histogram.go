package logs

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// MaxBuckets of one histogram.
const MaxBuckets = 5000

// Histogram is how many records there are of each level in each span of time.
type Histogram struct {
	Width   time.Duration
	Buckets []Bucket // without holes, the oldest first; the first and the last are cut by the query's bounds
	Total   int64
	Reach
	Gaps []Gap
}

// Bucket begins at a multiple of the width since 1970 (UTC).
type Bucket struct {
	From   time.Time
	Counts map[slog.Level]int64 // nil: none
}

// Reach is how far an answer has looked, the newest first, when time was up.
type Reach struct {
	Partial bool
	Since   time.Time // with Partial: what is older has not been looked at
}

func reach(rest *time.Time) Reach {
	if rest == nil {
		return Reach{}
	}
	return Reach{true, rest.Add(time.Microsecond)}
}

// Width chooses a round one that gives some hundred buckets.
func Width(span time.Duration) time.Duration {
	for _, w := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
		10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour} {
		if span <= 150*w {
			return w
		}
	}
	return 24 * time.Hour
}

// Counts is the histogram of the records of q, exact. A width of 0 is chosen by Width; one below a millisecond, or
// one that makes more than MaxBuckets, is an error. Of queries by service and level stored counts answer for all blocks
// that lie within the bounds, if the width is whole minutes; else each record is looked at.
// Errors: ErrTooSlow when not even the first block could be looked through, ErrBusy.
func Counts(ctx context.Context, s Store, q Query, width time.Duration) (Histogram, error) {
	if width == 0 {
		width = Width(q.Until.Sub(q.Since))
	}
	c, err := newCounter(q, width)
	if err != nil {
		return Histogram{}, err
	}
	q.Oldest, q.After = false, nil
	err = s.View(ctx, q.Within, func(v View) error {
		rest, err := v.Scan(ctx, q, 0, c)
		c.Reach = reach(rest)
		return err
	})
	if err != nil {
		return Histogram{}, err
	}
	c.finish()
	c.Gaps, err = gapsIn(ctx, s, q, q.Since, q.Until)
	return c.Histogram, err
}

type counter struct {
	Histogram
	query  Query
	stored bool // counts may be taken from heads
	first  int64
	counts []map[slog.Level]int64
}

func newCounter(q Query, width time.Duration) (*counter, error) {
	if width < time.Millisecond {
		return nil, fmt.Errorf("a bucket of %s: %w", width, ErrWidth)
	}
	c := &counter{query: q, stored: width%time.Minute == 0 && q.Delta == nil && (q.Expr == nil || query.Simple(q.Expr))}
	c.Width, c.first = width, floor(q.Since, width)
	n := floor(q.Until.Add(-1), width) - c.first + 1
	if n > MaxBuckets {
		return nil, fmt.Errorf("%d buckets of %s: %w", n, width, ErrWidth)
	}
	c.counts = make([]map[slog.Level]int64, max(n, 0))
	return c, nil
}

// floor numbers the bucket of t.
func floor(t time.Time, width time.Duration) int64 {
	n := t.UnixMicro() / width.Microseconds()
	if t.UnixMicro()%width.Microseconds() < 0 {
		n--
	}
	return n
}

func (c *counter) add(t time.Time, l slog.Level, n int64) {
	at := floor(t, c.Width) - c.first
	if at < 0 || at >= int64(len(c.counts)) {
		return
	}
	if c.counts[at] == nil {
		c.counts[at] = map[slog.Level]int64{}
	}
	c.counts[at][l] += n
}

// Wants only blocks that are cut by the bounds, when counts will do.
func (c *counter) Wants(h *block.Head) bool {
	if !c.stored || h.From.Before(c.query.Since) || !h.To.Before(c.query.Until) {
		return true
	}
	var match map[slog.Level]bool
	if c.query.Expr != nil {
		match = map[slog.Level]bool{}
	}
	for i, slot := range h.Slots {
		minute, level := block.SlotOf(slot)
		if match != nil {
			ok, known := match[level]
			if !known {
				ok = query.Match(c.query.Expr, &query.Record{Level: level, Service: h.Service})
				match[level] = ok
			}
			if !ok {
				continue
			}
		}
		c.add(h.Hour.Add(time.Duration(minute)*time.Minute), level, int64(h.Counts[i]))
	}
	return false
}

// Visit counts records.
func (c *counter) Visit(chunk *Chunk) error {
	for i := range chunk.Match.All() {
		c.add(chunk.Time(i), chunk.Level(i), 1)
	}
	return nil
}

func (c *counter) finish() {
	for i, counts := range c.counts {
		if end := time.UnixMicro((c.first + int64(i) + 1) * c.Width.Microseconds()); c.Partial && !end.After(c.Since) {
			counts = nil // of some blocks it is known, of others not
		}
		from := time.UnixMicro((c.first + int64(i)) * c.Width.Microseconds()).UTC()
		c.Buckets = append(c.Buckets, Bucket{from, counts})
		for _, n := range counts {
			c.Total += n
		}
	}
}
