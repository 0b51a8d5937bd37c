package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// ledger gathers new rows by column, so that a batch is one statement.
type ledger struct {
	ids, schedules, services, states, reasons []string
	due, until, expires                       []time.Time
	missed                                    []int32
	deadlines                                 []int64
	fires                                     map[string]timed.Fire // by id
}

func (l *ledger) add(s plan.Schedule, e plan.Entry, now time.Time) {
	f := timed.Fire{ID: timed.FireID(s.Name, e.Due), Schedule: s.Name, Due: e.Due, Deadline: s.Deadline, Payload: s.Payload}
	state := api.Planned
	if e.Reason != "" {
		state = api.Skipped
	}
	l.ids, l.schedules, l.services = append(l.ids, f.ID), append(l.schedules, s.Name), append(l.services, s.Service)
	l.states, l.reasons = append(l.states, string(state)), append(l.reasons, string(e.Reason))
	l.due, l.until, l.missed = append(l.due, e.Due), append(l.until, e.Until), append(l.missed, int32(e.Missed))
	l.deadlines, l.expires = append(l.deadlines, s.Deadline.Milliseconds()), append(l.expires, now.Add(s.Window+s.Deadline))
	if l.fires == nil {
		l.fires = map[string]timed.Fire{}
	}
	l.fires[f.ID] = f
}

// insert returns the rows that were not there before, in order of their due times.
func (l *ledger) insert(ctx context.Context, tx pgx.Tx, epoch int64) ([]api.Fire, error) {
	if len(l.ids) == 0 {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `WITH written AS (
		INSERT INTO fires (id, schedule, service, due, until, missed, state, reason, deadline_ms, expires_at, epoch, ended_at)
		SELECT u.*, $11, CASE WHEN u.state = 'skipped' THEN now() END
		FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::text[], $8::text[],
			$9::bigint[], $10::timestamptz[])
			AS u(id, schedule, service, due, until, missed, state, reason, deadline_ms, expires_at)
		ON CONFLICT DO NOTHING
		RETURNING `+fireColumns+`)
		SELECT `+fireColumns+` FROM written ORDER BY due, id`,
		l.ids, l.schedules, l.services, l.due, l.until, l.missed, l.states, l.reasons, l.deadlines, l.expires, epoch)
	if err != nil {
		return nil, fmt.Errorf("write the ledger: %w", err)
	}
	written, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return nil, fmt.Errorf("write the ledger: %w", err)
	}
	return written, nil
}
