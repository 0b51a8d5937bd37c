package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const typeColumns = `name, title, schema, version, created_at, updated_at, created_by, updated_by`

func scanType(row pgx.CollectableRow) (t catalog.Type, err error) {
	err = row.Scan(&t.Name, &t.Title, &t.Schema, &t.Version,
		&t.Stamp.CreatedAt, &t.Stamp.UpdatedAt, &t.Stamp.CreatedBy, &t.Stamp.UpdatedBy)
	return t, err
}

// Type by its name.
func (s *Store) Type(ctx context.Context, name string) (catalog.Type, error) {
	all, err := rows(ctx, s, scanType, `SELECT `+typeColumns+` FROM types WHERE name = $1`, name)
	if err == nil && len(all) == 0 {
		err = catalog.NoType(name)
	}
	if err != nil {
		return catalog.Type{}, err
	}
	return all[0], nil
}

// Types by name, after a name ("": from the beginning).
func (s *Store) Types(ctx context.Context, after string, limit int) ([]catalog.Type, error) {
	return rows(ctx, s, scanType, `SELECT `+typeColumns+` FROM types WHERE name > $1 ORDER BY name LIMIT $2`, after, limit)
}

// InsertType implements catalog.Types.
func (s *Store) InsertType(ctx context.Context, t catalog.Type) error {
	return s.inTx(ctx, func(tx pg.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO types (`+typeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			t.Name, t.Title, string(t.Schema), t.Version, t.Stamp.CreatedAt, t.Stamp.UpdatedAt, t.Stamp.CreatedBy, t.Stamp.UpdatedBy)
		if pg.IsUnique(err) {
			return problem.New(problem.Conflict, fmt.Sprintf("there is a type %q already", t.Name))
		}
		if err != nil {
			return fmt.Errorf("insert type: %w", err)
		}
		return s.typeChanged(ctx, tx, "created", t, t.Stamp.CreatedBy)
	})
}

// UpdateType implements catalog.Types.
func (s *Store) UpdateType(ctx context.Context, name string, change func(*catalog.Type) error) (t catalog.Type, err error) {
	err = s.inTx(ctx, func(tx pg.Tx) error {
		if t, err = lockType(ctx, tx, name, "FOR UPDATE"); err != nil {
			return err
		}
		if err := change(&t); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE types SET title = $2, schema = $3, version = $4, updated_at = $5, updated_by = $6 WHERE name = $1`,
			name, t.Title, string(t.Schema), t.Version, t.Stamp.UpdatedAt, t.Stamp.UpdatedBy)
		if err != nil {
			return fmt.Errorf("update type: %w", err)
		}
		return s.typeChanged(ctx, tx, "updated", t, t.Stamp.UpdatedBy)
	})
	return t, err
}

// DeleteType implements catalog.Types.
func (s *Store) DeleteType(ctx context.Context, name, by string, check func(catalog.Type) error) error {
	return s.inTx(ctx, func(tx pg.Tx) error {
		t, err := lockType(ctx, tx, name, "FOR UPDATE")
		if err != nil {
			return err
		}
		if err := check(t); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM types WHERE name = $1`, name)
		if pg.IsForeignKey(err) {
			return problem.New(problem.Conflict, fmt.Sprintf("type %q has records; delete them first", name))
		}
		if err != nil {
			return fmt.Errorf("delete type: %w", err)
		}
		return s.typeChanged(ctx, tx, "deleted", t, by)
	})
}

// lockType keeps the type as it is until tx ends: FOR SHARE against changes, FOR UPDATE against readers of it too.
func lockType(ctx context.Context, tx pg.Tx, name, lock string) (catalog.Type, error) {
	answer, err := tx.Query(ctx, `SELECT `+typeColumns+` FROM types WHERE name = $1 `+lock, name)
	if err != nil {
		return catalog.Type{}, fmt.Errorf("lock type: %w", err)
	}
	t, err := pgx.CollectExactlyOneRow(answer, scanType)
	return t, found(err, catalog.NoType(name))
}
