package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// maxTries of a fire that no queue takes; then it has failed with nobody-listening. Between the tries lie 5 and
// 30 seconds, so that a service which is just starting gets it.
const maxTries = 3

// Published is the outbox's hook: the relay's transaction marks the fires as published once the broker has
// confirmed them, or notes that no queue took one. Other publications are none of its business.
func (s *Store) Published(ctx context.Context, tx pg.Tx, all []outbox.Outcome) error {
	var taken []string
	for _, o := range all {
		id := o.Publication.Event.Subject
		switch {
		case o.Publication.Exchange != bus.Schedule:
		case o.Unroutable:
			if err := s.unroutable(ctx, tx, id); err != nil {
				return err
			}
		default:
			taken = append(taken, id)
		}
	}
	if len(taken) == 0 {
		return nil
	}
	// A receipt may have come before the confirm: then the end stays.
	_, err := tx.Exec(ctx, `UPDATE fires SET state = CASE WHEN state = 'planned' THEN 'published' ELSE state END,
		published_at = clock_timestamp(), retry_at = NULL WHERE id = ANY($1::text[]) AND published_at IS NULL`, taken)
	if err != nil {
		return fmt.Errorf("mark %d fires published: %w", len(taken), err)
	}
	return nil
}

func (s *Store) unroutable(ctx context.Context, tx pgx.Tx, id string) error {
	rows, err := tx.Query(ctx, `UPDATE fires SET tries = tries + 1,
			retry_at = CASE WHEN last THEN NULL ELSE clock_timestamp() + wait END,
			state    = CASE WHEN last THEN 'failed' ELSE state END,
			reason   = CASE WHEN last THEN $3 ELSE reason END,
			ended_at = CASE WHEN last THEN clock_timestamp() END
		FROM (SELECT id AS one, tries + 1 >= $2 OR expires_at <= clock_timestamp() AS last,
				CASE WHEN tries = 0 THEN interval '5 s' ELSE interval '30 s' END AS wait
			FROM fires WHERE id = $1 FOR UPDATE) AS decided
		WHERE id = one AND state = 'planned'
		RETURNING `+fireColumns, id, maxTries, api.ReasonNobodyListening)
	if err != nil {
		return fmt.Errorf("note that nobody took fire %s: %w", id, err)
	}
	touched, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return fmt.Errorf("note that nobody took fire %s: %w", id, err)
	}
	return s.emitFailed(ctx, tx, touched)
}

// emitFailed tells of those among fires that have failed.
func (s *Store) emitFailed(ctx context.Context, tx pgx.Tx, fires []api.Fire) error {
	for _, f := range fires {
		if f.State != api.Failed {
			continue
		}
		if err := s.emitEnded(ctx, tx, f); err != nil {
			return err
		}
	}
	return nil
}
