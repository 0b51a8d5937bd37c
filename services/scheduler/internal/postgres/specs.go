package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// heading is what a pass reads of every schedule it looks at; the spec is read only when it is not known.
type heading struct {
	Name, Service string
	Paused        bool
	NextDue       *time.Time
	Revision      int64
	CreatedAt     time.Time
	Held          bool // its next due time is looked at later
}

const headingColumns = `name, service, paused, next_due, revision, created_at, coalesce(look_at > next_due, false)`

func scanHeading(row pgx.CollectableRow) (heading, error) { return pgx.RowToStructByPos[heading](row) }

// maxSpecs bounds what a term remembers, in bytes of the specs' text and what belongs to them.
const (
	maxSpecs  = 64 << 20
	specBytes = 1 << 10
)

// specs are the parsed schedules of a term: reading and parsing them costs more than planning them, and most are due
// again before they change. Used by one goroutine.
type specs struct {
	known map[string]spec
	bytes int
}

type spec struct {
	revision int64
	created  time.Time
	bytes    int
	schedule plan.Schedule
}

// of returns the schedules of all headings, in their order, for the plan.
func (c *specs) of(ctx context.Context, tx pgx.Tx, all []heading) ([]plan.Schedule, error) {
	var missing []string
	for _, h := range all {
		if s, ok := c.known[h.Name]; !ok || s.revision != h.Revision || !s.created.Equal(h.CreatedAt) {
			missing = append(missing, h.Name)
		}
	}
	fresh, err := c.read(ctx, tx, missing)
	if err != nil {
		return nil, fmt.Errorf("read the specs of %d schedules: %w", len(missing), err)
	}
	schedules := make([]plan.Schedule, len(all))
	for i, h := range all {
		s, ok := fresh[h.Name]
		if !ok {
			s = c.known[h.Name]
		}
		p := s.schedule
		p.Name, p.Service, p.Paused, p.NextDue = h.Name, h.Service, h.Paused, time.Time{}
		if h.NextDue != nil {
			p.NextDue = h.NextDue.UTC()
		}
		schedules[i] = p
	}
	c.keep(fresh)
	return schedules, nil
}

func (c *specs) read(ctx context.Context, tx pgx.Tx, names []string) (map[string]spec, error) {
	if len(names) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT name, revision, created_at, spec FROM schedules WHERE name = ANY($1::text[])`, names)
	if err != nil {
		return nil, err
	}
	fresh := make(map[string]spec, len(names))
	var name, text string
	var s spec
	_, err = pgx.ForEachRow(rows, []any{&name, &s.revision, &s.created, &text}, func() error {
		s.bytes, s.schedule = len(text)+specBytes, parse(name, text)
		fresh[name] = s
		return nil
	})
	return fresh, err
}

// parse never fails: what cannot be read any more has no timing, and the plan says so.
func parse(name, text string) plan.Schedule {
	s := plan.Schedule{Schedule: readSpec(text).Schedule(name)}
	s.Timing, s.Invalid = timing.Parse(s.When())
	return s
}

// keep remembers fresh ones; when there are too many, others are forgotten, whichever.
func (c *specs) keep(fresh map[string]spec) {
	if c.known == nil {
		c.known = map[string]spec{}
	}
	for name, s := range fresh {
		c.bytes += s.bytes - c.known[name].bytes
		c.known[name] = s
	}
	for name, s := range c.known {
		if c.bytes <= maxSpecs {
			break
		}
		c.bytes -= s.bytes
		delete(c.known, name)
	}
}
