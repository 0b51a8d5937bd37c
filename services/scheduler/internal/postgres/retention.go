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

// Expire ends fires that were published and never heard of within their window.
func (t *Term) Expire(ctx context.Context) (expired int, err error) {
	err = t.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, `UPDATE fires SET state = 'failed', reason = $1, retry_at = NULL, ended_at = $2 WHERE id IN (
				SELECT id FROM fires WHERE state IN ('planned', 'published', 'received') AND expires_at < $2
				ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
			RETURNING `+fireColumns, api.ReasonNoReceipt, now, batchSchedules)
		if err != nil {
			return err
		}
		ended, err := pgx.CollectRows(rows, scanFire)
		if err != nil {
			return err
		}
		expired = len(ended)
		return t.store.emitFailed(ctx, tx, ended)
	})
	if err != nil {
		return 0, fmt.Errorf("end fires without a receipt: %w", err)
	}
	return expired, nil
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
