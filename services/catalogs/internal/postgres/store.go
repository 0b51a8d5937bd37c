// Package postgres keeps data types and records in schema catalogs. Every change and its event are one
// transaction.
package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations of the schema catalogs.
func Migrations() pg.Migrations {
	sub, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // cannot happen: the folder is embedded above
	}
	return pg.Migrations{Name: "catalogs", FS: sub}
}

// Outbox publishes what a transaction committed.
type Outbox interface {
	Add(ctx context.Context, tx pg.Tx, aggregate string, p bus.Publication) error
}

// Store implements catalog.Types and catalog.Records. Safe for concurrent use.
type Store struct {
	db     *pg.DB
	events Outbox // nil: no bus, no events
	source string
}

// New makes a store; source names the instance in its events, "/catalogs/catalogs-1".
func New(db *pg.DB, events Outbox, source string) *Store {
	return &Store{db: db, events: events, source: source}
}

func (s *Store) inTx(ctx context.Context, fn func(tx pg.Tx) error) error {
	return mapped(s.db.InTx(ctx, fn))
}

// mapped gives what the database says the code that a caller can act on. What is left is our own fault.
func mapped(err error) error {
	var ours *problem.Error
	switch {
	case err == nil || errors.As(err, &ours):
		return err
	case pg.IsUnavailable(err):
		return problem.Wrap(problem.Unavailable, "the catalog's database cannot be reached or took too long", err)
	case pg.IsRefused(err):
		return problem.Wrap(problem.Invalid, "a value cannot be stored or compared", err)
	}
	return err
}

// found turns "no row" into the error for what was asked for.
func found(err, missing error) error {
	if pg.IsNoRows(err) {
		return missing
	}
	return err
}

// rows reads all rows of a query.
func rows[T any](ctx context.Context, s *Store, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	answer, err := s.db.Pool().Query(ctx, sql, args...)
	if err != nil {
		return nil, mapped(fmt.Errorf("query: %w", err))
	}
	all, err := pgx.CollectRows(answer, scan)
	if err != nil {
		return nil, mapped(fmt.Errorf("read rows: %w", err))
	}
	return all, nil
}
