// Package postgres keeps saved views in the schema view_service.
package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/view-service/internal/view"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations of the schema.
func Migrations() pg.Migrations {
	dir, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // the path is a constant
	}
	return pg.Migrations{Name: "view_service", FS: dir}
}

// Store is safe for concurrent use.
type Store struct{ db *pg.DB }

// New makes a store on the schema. It does not connect.
func New(db *pg.DB) *Store { return &Store{db} }

const columns = `id::text, owner, name, query, since, created_at, updated_at`

// List is the owner's views by name.
func (s *Store) List(ctx context.Context, owner string) ([]view.View, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+columns+` FROM views WHERE owner = $1 ORDER BY name`, owner)
	if err != nil {
		return nil, fmt.Errorf("list views: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[view.View])
}

// View finds one. Errors: view.ErrUnknown.
func (s *Store) View(ctx context.Context, owner, id string) (view.View, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+columns+` FROM views WHERE owner = $1 AND id = $2`, owner, id)
	if err != nil {
		return view.View{}, fmt.Errorf("read view %s: %w", id, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[view.View])
	if pg.IsNoRows(err) {
		return v, view.ErrUnknown
	}
	return v, err
}

// Save makes or changes a view by its id. Errors: view.ErrTaken, view.ErrMany.
func (s *Store) Save(ctx context.Context, v view.View) (saved view.View, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		// One owner's changes go one after the other, so that their count holds.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('view_service.views:' || $1, 0))`, v.Owner); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `INSERT INTO views (id, owner, name, query, since)
			SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM views WHERE owner = $2 AND id <> $1) < $6
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, query = excluded.query, since = excluded.since, updated_at = now()
				WHERE views.owner = excluded.owner RETURNING `+columns, v.ID, v.Owner, v.Name, v.Query, v.Since, view.Max)
		if err != nil {
			return err
		}
		saved, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[view.View])
		return err
	})
	switch {
	case pg.IsUnique(err):
		return saved, view.ErrTaken
	case pg.IsNoRows(err):
		return saved, view.ErrMany
	case err != nil:
		return saved, fmt.Errorf("save view: %w", err)
	}
	return saved, nil
}

// Delete removes a view; one that is gone already is no error.
func (s *Store) Delete(ctx context.Context, owner, id string) error {
	if _, err := s.db.Pool().Exec(ctx, `DELETE FROM views WHERE owner = $1 AND id = $2`, owner, id); err != nil {
		return fmt.Errorf("delete view %s: %w", id, err)
	}
	return nil
}
