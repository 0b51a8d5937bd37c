package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// ledger gathers new rows by column, so that a batch is one statement.
type ledger struct {
	ids, names, services, states, reasons, doneWhen, targets, overlaps []string
	due, until, expires                                                []time.Time
	missed, attempt, attempts                                          []int32
	deadlines, backoffs                                                []int64
	published, from, to                                                []*time.Time

	fires     []api.Fire
	schedules []*plan.Schedule
}

func (l *ledger) add(s *plan.Schedule, e plan.Entry, now time.Time) {
	f := api.Fire{
		ID: timed.FireID(s.Name, e.Due), Schedule: s.Name, Service: s.Service, Due: e.Due, Missed: e.Missed, State: e.State,
		Reason: e.Reason, CauseFrom: nullable(e.Cause.From), CauseTo: nullable(e.Cause.To), Attempts: s.Attempts, PlannedAt: now,
	}
	switch {
	case e.State == api.Skipped:
		f.EndedAt = &now
	case e.State == api.Planned:
		f.Attempt = 1
		if s.Target == timed.TargetPoll {
			f.State, f.PublishedAt = api.Published, &now
		}
	}
	if e.Missed > 1 {
		until := e.Until
		f.Until = &until
	}
	l.fires, l.schedules = append(l.fires, f), append(l.schedules, s)
	l.ids, l.names, l.services = append(l.ids, f.ID), append(l.names, s.Name), append(l.services, s.Service)
	l.states, l.reasons = append(l.states, string(f.State)), append(l.reasons, string(f.Reason))
	l.doneWhen, l.targets, l.overlaps = append(l.doneWhen, s.DoneWhen), append(l.targets, s.Target), append(l.overlaps, s.Overlap)
	l.due, l.until, l.missed = append(l.due, e.Due), append(l.until, e.Until), append(l.missed, int32(e.Missed))
	l.attempt, l.attempts = append(l.attempt, int32(f.Attempt)), append(l.attempts, int32(s.Attempts))
	l.deadlines, l.backoffs = append(l.deadlines, s.Deadline.Milliseconds()), append(l.backoffs, s.Backoff.Milliseconds())
	l.expires, l.published = append(l.expires, now.Add(s.Window+s.Deadline)), append(l.published, f.PublishedAt)
	l.from, l.to = append(l.from, f.CauseFrom), append(l.to, f.CauseTo)
}

// insert adds the INSERT to a batch; written has, once that is sent, the ids of the rows that were not there before.
func (l *ledger) insert(b *pgx.Batch, epoch int64, now time.Time) (written map[string]bool) {
	written = make(map[string]bool, len(l.ids))
	if len(l.ids) == 0 {
		return written
	}
	b.Queue(`INSERT INTO fires (id, schedule, service, due, until, missed, state, reason, attempt, attempts, backoff_ms,
			deadline_ms, done_when, target, overlap, expires_at, published_at, cause_from, cause_to, epoch, planned_at, ended_at)
		SELECT u.*, $20, $21, CASE WHEN u.state = 'skipped' THEN $21::timestamptz END
		FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::text[], $8::text[], $9::int[],
			$10::int[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[],
			$19::timestamptz[])
			AS u(id, schedule, service, due, until, missed, state, reason, attempt, attempts, backoff_ms, deadline_ms, done_when, target, overlap,
				expires_at, published_at, cause_from, cause_to)
		ON CONFLICT DO NOTHING RETURNING id`,
		l.ids, l.names, l.services, l.due, l.until, l.missed, l.states, l.reasons, l.attempt, l.attempts, l.backoffs,
		l.deadlines, l.doneWhen, l.targets, l.overlaps, l.expires, l.published, l.from, l.to, epoch, now).Query(func(rows pgx.Rows) error {
		var id string
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error { written[id] = true; return nil })
		return err
	})
	return written
}
