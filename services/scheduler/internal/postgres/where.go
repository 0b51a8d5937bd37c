package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Scope bounds a read to some services; All lifts the bound.
type Scope struct {
	Services []string
	All      bool
}

// where builds a condition of what is really asked for, so that the server can choose an index for it; values are
// arguments, never text.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string) { w.conditions = append(w.conditions, condition) }

// arg notes a value and answers its place.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *where) scope(s Scope) {
	if !s.All {
		w.and(`service = ANY(` + w.arg(s.Services) + `::text[])`)
	}
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.conditions, " AND ")
}

// followIndex has the server read in an index's order and stop. It reckons with the fires of a schedule on average, and
// would gather and sort all of them for the newest few: of one that fires every second they are a million. The sort of the
// few that are left counts as very dear then; no session of ours compiles a query for that (package pg).
const followIndex = `SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off`

// following is a transaction for queries for the first rows of each of several schedules.
func following(ctx context.Context, db *pg.DB, fn func(tx pg.Tx) error) error {
	return db.InTx(ctx, func(tx pg.Tx) error {
		if _, err := tx.Exec(ctx, followIndex); err != nil {
			return err
		}
		return fn(tx)
	})
}

// heads is one such query.
func heads[T any](ctx context.Context, db *pg.DB, scan pgx.RowToFunc[T], sql string, args ...any) (all []T, err error) {
	err = following(ctx, db, func(tx pg.Tx) error {
		all, err = collect(ctx, tx, scan, sql, args...)
		return err
	})
	return all, err
}

func collect[T any](ctx context.Context, from asker, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := from.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
