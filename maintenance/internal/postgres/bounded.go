package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// bounded runs fn in a transaction that only reads, all from one snapshot, with statements that take no longer than within, or
// a second; 0 is logs.Budget. Errors: logs.ErrBusy, logs.ErrTooSlow.
func (s *Store) bounded(ctx context.Context, within time.Duration, fn func(tx pg.Tx) error) error {
	if within <= 0 {
		within = logs.Budget
	}
	if err := s.place(ctx, within); err != nil {
		return err
	}
	defer func() { <-s.reading }()
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = %d", max(within, time.Second).Milliseconds()))
		if err != nil {
			return err
		}
		return fn(tx)
	})
	if ctx.Err() == nil && isTooSlow(err) {
		return logs.ErrTooSlow
	}
	return err
}

// isTooSlow: the server has ended a statement at its limit, or the transaction whose last statement that was.
func isTooSlow(err error) bool {
	var e *pgconn.PgError
	return errors.Is(err, pgx.ErrTxCommitRollback) || errors.As(err, &e) && (e.Code == "57014" || e.Code == "25P02")
}

// place takes a place among the questions that are asked at once. A free one is taken however late it is.
func (s *Store) place(ctx context.Context, within time.Duration) error {
	select {
	case s.reading <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case s.reading <- struct{}{}:
		return nil
	case <-timer.C:
		return logs.ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}
