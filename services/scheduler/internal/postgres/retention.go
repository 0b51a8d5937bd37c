package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// batchDeleted bounds one statement of the ledger's retention.
const batchDeleted = 10_000

// batchExpired bounds one transaction of Expire.
const batchExpired = 1000

// Expire ends fires whose time is over, in a bounded batch: those that nobody was heard of, and those that the broker
// never had. more says that others are left.
func (t *Term) Expire(ctx context.Context) (ended map[api.Reason]int, more bool, err error) {
	err = t.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `WITH over AS (
				SELECT id FROM fires WHERE state IN ('planned', 'published', 'received') AND expires_at < $1
				ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)
			UPDATE fires SET state = 'failed', retry_at = NULL, ended_at = $1,
				reason = CASE WHEN state <> 'planned' OR published_at IS NOT NULL THEN $3 WHEN tries > 0 THEN $4 ELSE $5 END,
				cause_from = CASE WHEN state = 'planned' AND published_at IS NULL AND tries = 0 THEN planned_at END,
				cause_to = CASE WHEN state = 'planned' AND published_at IS NULL AND tries = 0 THEN greatest(planned_at, $1) END
			WHERE id IN (SELECT id FROM over) RETURNING `+fireColumns,
			now, batchExpired, api.ReasonNoReceipt, api.ReasonNobodyListening, api.ReasonBrokerDown)
		if err != nil {
			return err
		}
		fires, err := pgx.CollectRows(rows, scanFire)
		if err != nil {
			return err
		}
		ended, more = map[api.Reason]int{}, len(fires) == batchExpired
		for _, f := range fires {
			ended[f.Reason]++
		}
		return t.store.end(ctx, tx, fires)
	})
	if err != nil {
		return nil, false, fmt.Errorf("end fires whose time is over: %w", err)
	}
	return ended, more, nil
}

// Forget deletes ended rows planned before the given time, and schedules that were retired before it and have no rows
// left. It ends when half of ctx's time is used, for what it did is kept only if tx can still be committed; the rest
// goes the next time.
func (s *Store) Forget(ctx context.Context, tx pgx.Tx, before time.Time) (rows int64, err error) {
	until := time.Now().Add(24 * time.Hour)
	if deadline, bounded := ctx.Deadline(); bounded {
		until = time.Now().Add(time.Until(deadline) / 2)
	}
	for {
		n, err := forgetFires(ctx, tx, before)
		if rows += n; err != nil {
			return rows, err
		}
		if n < batchDeleted || time.Now().After(until) {
			break
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM schedules s WHERE retired_at < $1 AND NOT EXISTS (SELECT 1 FROM fires WHERE schedule = s.name)`, before)
	if err != nil {
		return rows, fmt.Errorf("delete retired schedules: %w", err)
	}
	return rows, nil
}

func forgetFires(ctx context.Context, tx pgx.Tx, before time.Time) (int64, error) {
	tag, err := tx.Exec(ctx, `DELETE FROM fires WHERE id IN (
		SELECT id FROM fires WHERE planned_at < $1 AND state IN ('done', 'failed', 'skipped') ORDER BY planned_at LIMIT $2)`, before, batchDeleted)
	if err != nil {
		return 0, fmt.Errorf("delete old fires: %w", err)
	}
	return tag.RowsAffected(), nil
}
