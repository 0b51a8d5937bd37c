package logs

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// Plan is what would be read for a query, and how much is left after each step.
type Plan struct {
	Partitions int   // that hold any of its time
	Blocks     int   // in the store, of services that may be seen
	InTime     int   // blocks that meet the query's time
	OfServices int   // of these, of services that may be seen and are asked for
	OfLevels   int   // of these, that hold levels asked for
	Asked      int   // of these, how many have a filter that could be asked
	Candidates int   // of OfLevels, that the filters do not deny: these are read
	Records    int64 // in the candidates
	Bytes      int64 // of their texts, as they were sent
	Columns    []string
	Counted    bool // a histogram per minute reads next to nothing: stored counts answer it
}

// Explain says what would be read for q, and reads no log for it. Of services that may not be seen it says nothing, nor how
// many blocks they have. Errors: ErrBusy, ErrTooSlow.
func Explain(ctx context.Context, s Store, q Query) (p Plan, err error) {
	err = s.View(ctx, q.Within, func(v View) (err error) {
		if p, err = v.Plan(ctx, q); err != nil || q.Scope.All {
			return err
		}
		seen := &census{since: q.Since, until: q.Until, partitions: map[partition]bool{}}
		_, err = v.Scan(ctx, Query{Scope: q.Scope, Until: endOfTime()}, 0, seen)
		p.Blocks, p.InTime, p.Partitions = seen.blocks, seen.inTime, len(seen.partitions)
		return err
	})
	return p, err
}

// endOfTime is beyond what a block can hold.
func endOfTime() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// census counts blocks that may be seen, and reads none.
type census struct {
	since, until   time.Time
	blocks, inTime int
	partitions     map[partition]bool
}

type partition struct {
	tier block.Tier
	hour time.Time
}

// Wants no block.
func (c *census) Wants(h *block.Head) bool {
	c.blocks++
	if !h.To.Before(c.since) && h.From.Before(c.until) {
		c.inTime++
		c.partitions[partition{h.Tier, h.Hour}] = true
	}
	return false
}

// Visit is never called.
func (c *census) Visit(*Chunk) error { return nil }
