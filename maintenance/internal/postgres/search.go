package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const stored = `ts, id, level, service, instance, logger, msg, attrs, coalesce(trace_id, ''), coalesce(span_id, ''),
	coalesce(epoch, ''), coalesce(class, ''), coalesce(seq, 0), coalesce(version, ''), coalesce(environment, ''),
	coalesce(cluster, ''), coalesce(namespace, ''), coalesce(node, '')`

// Snapshot names what is visible now.
func (s *Store) Snapshot(ctx context.Context) (name string, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT pg_current_snapshot()::text`).Scan(&name)
	if err != nil {
		return "", fmt.Errorf("take a snapshot: %w", err)
	}
	return name, nil
}

// Search finds the records of q that are visible in the snapshot; "" is now. Errors: logs.ErrTooSlow
// when q.Within is over.
func (s *Store) Search(ctx context.Context, q logs.Query, snapshot string) ([]logs.Stored, error) {
	w := within(q)
	if snapshot != "" {
		w.and("pg_visible_in_snapshot(tx, %s::text::pg_snapshot)", snapshot)
	}
	behind, order := "<", "ts DESC, id DESC"
	if q.Oldest {
		behind, order = ">", "ts, id"
	}
	if q.After != nil {
		w.and("(ts, id) "+behind+" (%s, %s)", q.After.TS, q.After.ID)
	}
	return s.find(ctx, w, order, q)
}

// Changes finds the records of q, oldest first, that became visible between two snapshots.
func (s *Store) Changes(ctx context.Context, q logs.Query, d logs.Delta) ([]logs.Stored, error) {
	w := within(q)
	w.and("tx >= pg_snapshot_xmin(%[1]s::text::pg_snapshot) AND NOT pg_visible_in_snapshot(tx, %[1]s::text::pg_snapshot)", d.Seen)
	w.and("pg_visible_in_snapshot(tx, %s::text::pg_snapshot)", d.Upto)
	if d.After != nil {
		w.and("(ts, id) > (%s, %s)", d.After.TS, d.After.ID)
	}
	return s.find(ctx, w, "ts, id", q)
}

func within(q logs.Query) *where {
	w := &where{}
	w.and("ts >= %s", q.Since)
	w.and("ts < %s", q.Until)
	w.scope(q.Scope)
	w.expr(q.Expr)
	return w
}

func (s *Store) find(ctx context.Context, w *where, order string, q logs.Query) (found []logs.Stored, err error) {
	sql := "SELECT " + stored + " FROM logs WHERE " + w.String() + " ORDER BY " + order + " LIMIT " + w.arg(q.Limit)
	err = s.bounded(ctx, q.Within, func(tx pg.Tx) error {
		// Every question is different: its plan is made for its values, and not kept.
		rows, err := tx.Query(ctx, sql, append([]any{pgx.QueryExecModeDescribeExec}, w.args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, scan)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("search the log: %w", err)
	}
	return found, nil
}

// bounded runs fn in a transaction that only reads, with statements that take no longer than within; 0 is
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
		_, err := tx.Exec(ctx, fmt.Sprintf("SET TRANSACTION READ ONLY; SET LOCAL statement_timeout = %d; SET LOCAL jit = off", max(1, within.Milliseconds())))
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

func scan(row pgx.CollectableRow) (logs.Stored, error) {
	var r logs.Stored
	var level int16
	var seq int64
	err := row.Scan(&r.Key.TS, &r.ID, &level, &r.Service, &r.Instance, &r.Logger, &r.Msg, &r.Attrs, &r.TraceID, &r.SpanID,
		&r.Epoch, &r.Class, &seq, &r.Version, &r.Environment, &r.Cluster, &r.Namespace, &r.Node)
	r.Level, r.Seq = slog.Level(level), uint64(seq)
	r.Key.TS = r.Key.TS.UTC()
	r.Record.TS = r.Key.TS
	return r, err
}
