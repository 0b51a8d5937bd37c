package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// released gathers by column what is let go, and when each schedule is looked at again.
type released struct {
	ids, states, doneWhen, targets, overlaps []string
	attempts                                 []int32
	deadlines, backoffs                      []int64
	expires                                  []time.Time

	names     []string
	at, after []*time.Time
}

func (r *released) add(s *plan.Schedule, h plan.Head, now time.Time) {
	state := api.Planned
	if s.Target == timed.TargetPoll {
		state = api.Published
	}
	r.ids, r.states, r.doneWhen = append(r.ids, h.ID), append(r.states, string(state)), append(r.doneWhen, s.DoneWhen)
	r.targets, r.overlaps, r.attempts = append(r.targets, s.Target), append(r.overlaps, s.Overlap), append(r.attempts, int32(s.Attempts))
	r.deadlines, r.backoffs = append(r.deadlines, s.Deadline.Milliseconds()), append(r.backoffs, s.Backoff.Milliseconds())
	r.expires = append(r.expires, now.Add(s.Window+s.Deadline))
}

func (r *released) look(name string, at, after time.Time) {
	r.names, r.at, r.after = append(r.names, name), append(r.at, nullable(at)), append(r.after, nullable(after))
}

// let writes what is let go, with the policies of the schedule as they are now, and by this term.
func (p *pass) let(ctx context.Context, r *released) error {
	if len(r.ids) > 0 {
		_, err := p.tx.Exec(ctx, `UPDATE fires f SET state = u.state, reason = '', attempt = 1, attempts = u.attempts, backoff_ms = u.backoff,
				deadline_ms = u.deadline, done_when = u.done_when, target = u.target, overlap = u.overlap, expires_at = u.expires,
				published_at = CASE WHEN u.state = 'published' THEN $10::timestamptz END, planned_at = $10, epoch = $11
			FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::bigint[], $9::timestamptz[])
				AS u(id, state, done_when, target, overlap, attempts, deadline, backoff, expires)
			WHERE f.id = u.id`,
			r.ids, r.states, r.doneWhen, r.targets, r.overlaps, r.attempts, r.deadlines, r.backoffs, r.expires, p.now, p.epoch)
		if err != nil {
			return fmt.Errorf("let %d waiting fires go: %w", len(r.ids), err)
		}
	}
	p.done.Released += len(r.ids)
	_, err := p.tx.Exec(ctx, `UPDATE schedules s SET release_at = u.at, release_after = coalesce(u.after, release_after)
		FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS u(name, at, after) WHERE s.name = u.name`, r.names, r.at, r.after)
	if err != nil {
		return fmt.Errorf("note when waiting fires are let go: %w", err)
	}
	return nil
}
