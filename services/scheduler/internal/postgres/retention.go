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

// batchDeleted bounds one statement of the ledger's retention.
const batchDeleted = 10_000

// batchExpired bounds one transaction of Expire.
const batchExpired = 1000

// Expire ends fires whose time is over, in a bounded batch: those that nobody was heard of, those that the broker never
// had, and those that waited too long; what is backfilled waits as long as it takes. more says that others are left. When
// none are, what waits and is looked at by nobody is.
func (t *Term) Expire(ctx context.Context) (ended map[api.Reason]int, more bool, err error) {
	err = t.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		fires, serial, err := overdue(ctx, tx, now)
		if err != nil {
			return err
		}
		if len(fires) == 0 {
			return t.store.sweep(ctx, tx)
		}
		ended, more = map[api.Reason]int{}, len(fires) == batchExpired
		all := make([]api.Fire, 0, len(fires))
		for _, f := range fires {
			ended[f.Reason] += max(f.Missed, 1)
			all = append(all, f.Fire)
		}
		if err := writeFires(ctx, tx, fires); err != nil {
			return err
		}
		if err := t.store.end(ctx, tx, all, serial); err != nil || more {
			return err
		}
		return t.store.sweep(ctx, tx)
	})
	if deadlocked(err) { // with an edit, which has the schedule first: the term is none the worse for it
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("end fires whose time is over: %w", err)
	}
	return ended, more, nil
}

// overdue fires, ended, and the serial schedules among theirs. What somebody else holds is being settled.
func overdue(ctx context.Context, tx pgx.Tx, now time.Time) (fires map[string]*plan.Fire, serial []string, err error) {
	rows, err := tx.Query(ctx, `SELECT `+ledgerColumns+`, EXISTS (SELECT 1 FROM schedules s WHERE s.name = f.schedule AND s.paused) FROM fires f
		WHERE phase IN ('waiting', 'running') AND expires_at < $1 AND NOT (phase = 'waiting' AND reason = 'backfill')
		ORDER BY expires_at LIMIT $2 FOR UPDATE OF f SKIP LOCKED`, now, batchExpired)
	if err != nil {
		return nil, nil, err
	}
	fires = map[string]*plan.Fire{}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*plan.Fire, error) {
		var paused bool
		f, err := scanLedger(row, &paused)
		f.Expire(paused, now)
		return &f, err
	})
	for _, f := range found {
		fires[f.ID] = f
		if f.Overlap != timed.OverlapAllow {
			serial = append(serial, f.Schedule)
		}
	}
	return fires, serial, err
}

// Forget deletes ended rows planned before the given time, terms, outages and windows that ended before it, and schedules that were retired before it and have no rows
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
	for _, old := range []string{ // the current term and an outage that lasts are never old
		`DELETE FROM terms WHERE seen_at < $1 AND epoch < (SELECT epoch FROM leader)`,
		`DELETE FROM outages WHERE to_at < $1`,
		`DELETE FROM windows WHERE until_at < $1`,
	} {
		if _, err := tx.Exec(ctx, old, before); err != nil {
			return rows, fmt.Errorf("delete old terms, outages and windows: %w", err)
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
