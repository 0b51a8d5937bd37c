package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// maxTries of an attempt that no queue takes; then the fire has failed with nobody-listening. Between the tries lie 5
// and 30 seconds, so that a service which is just starting gets it.
const maxTries = 3

// publications of fires, by column.
type publications struct {
	ids      []string
	attempts []int32
	ago      []int64 // since the broker's answer, in microseconds
}

func (p *publications) add(o outbox.Outcome) {
	id := o.Publication.Event.Subject
	p.ids = append(p.ids, id)
	p.attempts = append(p.attempts, int32(attemptOf(id, o.Publication.Event.ID)))
	var ago time.Duration
	if !o.At.IsZero() {
		ago = time.Since(o.At)
	}
	p.ago = append(p.ago, ago.Microseconds())
}

// Published is the outbox's hook: the relay's transaction marks the fires as published once the broker has
// confirmed them, or notes that no queue took one, and when the planner is to try again or to give it up. Other
// publications are none of its business.
func (s *Store) Published(ctx context.Context, tx pg.Tx, all []outbox.Outcome) error {
	var taken, untaken publications
	for _, o := range all {
		switch {
		case o.Publication.Exchange != bus.Schedule:
		case o.Unroutable:
			untaken.add(o)
		default:
			taken.add(o)
		}
	}
	if err := s.taken(ctx, tx, taken); err != nil {
		return fmt.Errorf("mark %d fires published: %w", len(taken.ids), err)
	}
	if err := s.untaken(ctx, tx, untaken); err != nil {
		return fmt.Errorf("note that nobody took %d fires: %w", len(untaken.ids), err)
	}
	return nil
}

// taken marks what the broker has, since when it has it. A receipt may have come before the confirm: then its state stays, and so does the
// attempt that it asked for. What counts as done when it is published is.
func (s *Store) taken(ctx context.Context, tx pgx.Tx, p publications) error {
	if len(p.ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, `WITH ours AS (
			SELECT f.id, f.state = 'planned' AND f.retry_at IS NULL AS fresh, statement_timestamp() - u.ago * interval '1 microsecond' AS at FROM fires f
			JOIN unnest($1::text[], $2::int[], $3::bigint[]) AS u(id, attempt, ago) ON f.id = u.id AND f.attempt = u.attempt
			WHERE f.published_at IS NULL ORDER BY f.id FOR UPDATE OF f),
		marked AS (UPDATE fires f SET published_at = ours.at, tries = 0,
				state = CASE WHEN NOT fresh THEN state WHEN done_when = 'published' THEN 'done' ELSE 'published' END,
				ended_at = CASE WHEN fresh AND done_when = 'published' THEN ours.at ELSE ended_at END
			FROM ours WHERE f.id = ours.id RETURNING f.*, fresh)
		SELECT `+fireColumns+` FROM marked WHERE fresh AND state = 'done'`, p.ids, p.attempts, p.ago)
	if err != nil {
		return err
	}
	done, err := pgx.CollectRows(rows, scanFire)
	if err != nil || len(done) == 0 {
		return err
	}
	return s.emitEnded(ctx, tx, done...)
}

func (s *Store) untaken(ctx context.Context, tx pgx.Tx, p publications) error {
	if len(p.ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `WITH ours AS (
			SELECT f.id FROM fires f JOIN unnest($1::text[], $2::int[]) AS u(id, attempt) ON f.id = u.id AND f.attempt = u.attempt
			WHERE f.state = $4 AND f.retry_at IS NULL ORDER BY f.id FOR UPDATE OF f)
		UPDATE fires f SET tries = tries + 1, retry_at = clock_timestamp() + CASE WHEN tries + 1 >= $3 OR expires_at <= clock_timestamp()
			THEN interval '0' WHEN tries = 0 THEN interval '5 s' ELSE interval '30 s' END
		FROM ours WHERE f.id = ours.id`, p.ids, p.attempts, maxTries, api.Planned)
	return err
}
