package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// bounded runs fn in a transaction that only reads, all from one snapshot, with statements that take no longer than within; 0 is
// logs.Budget. Errors: logs.ErrBusy, logs.ErrTooSlow.
func (s *Store) bounded(ctx context.Context, within time.Duration, fn func(tx pg.Tx) error) error {
	if within <= 0 {
		within = logs.Budget
	}
	if err := s.place(ctx, within); err != nil {
		return err
	}
	defer func() { <-s.reading }()
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		_, err := tx.Exec(ctx, fmt.Sprintf("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL jit = off", max(1, within.Milliseconds())))
		if err != nil {
			return err
		}
		return fn(tx)
	})
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "57014" && ctx.Err() == nil {
		return logs.ErrTooSlow
	}
	return err
}

// place takes a place among the questions that are asked at once.
func (s *Store) place(ctx context.Context, within time.Duration) error {
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
