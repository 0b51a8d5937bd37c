package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const recordColumns = `id::text, type, data, revision, schema_version, created_at, updated_at, created_by, updated_by`

func scanRecord(row pgx.CollectableRow) (r catalog.Record, err error) {
	err = row.Scan(fields(&r)...)
	return r, err
}

func fields(r *catalog.Record) []any {
	return []any{&r.ID, &r.Type, &r.Data, &r.Revision, &r.Schema,
		&r.Stamp.CreatedAt, &r.Stamp.UpdatedAt, &r.Stamp.CreatedBy, &r.Stamp.UpdatedBy}
}

// Record of a type.
func (s *Store) Record(ctx context.Context, typ, id string) (catalog.Record, error) {
	if uuid.Validate(id) != nil {
		return catalog.Record{}, catalog.NoRecord()
	}
	all, err := rows(ctx, s, scanRecord, `SELECT `+recordColumns+` FROM records WHERE type = $1 AND id = $2`, typ, id)
	if err == nil && len(all) == 0 {
		err = catalog.NoRecord()
	}
	if err != nil {
		return catalog.Record{}, err
	}
	return all[0], nil
}

// InsertRecord implements catalog.Records.
func (s *Store) InsertRecord(ctx context.Context, typ string, make func(catalog.Type) (catalog.Record, error)) (r catalog.Record, err error) {
	err = s.inTx(ctx, func(tx pg.Tx) error {
		t, err := lockType(ctx, tx, typ, "FOR SHARE")
		if err != nil {
			return err
		}
		if r, err = make(t); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO records (id, type, data, revision, schema_version, created_at, updated_at, created_by, updated_by)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			r.ID, r.Type, string(r.Data), r.Revision, r.Schema, r.Stamp.CreatedAt, r.Stamp.UpdatedAt, r.Stamp.CreatedBy, r.Stamp.UpdatedBy)
		if pg.IsUnique(err) {
			return problem.New(problem.Conflict, "there is a record with this id already")
		}
		if err != nil {
			return fmt.Errorf("insert record: %w", err)
		}
		return s.recordChanged(ctx, tx, "created", r, r.Stamp.CreatedBy)
	})
	return r, err
}

// UpdateRecord implements catalog.Records.
func (s *Store) UpdateRecord(ctx context.Context, typ, id string, change func(catalog.Type, *catalog.Record) error) (r catalog.Record, err error) {
	err = s.inTx(ctx, func(tx pg.Tx) error {
		t, err := lockType(ctx, tx, typ, "FOR SHARE")
		if err != nil {
			return err
		}
		if r, err = lockRecord(ctx, tx, typ, id); err != nil {
			return err
		}
		if err := change(t, &r); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE records SET data = $2, revision = $3, schema_version = $4, updated_at = $5, updated_by = $6 WHERE id = $1`,
			r.ID, string(r.Data), r.Revision, r.Schema, r.Stamp.UpdatedAt, r.Stamp.UpdatedBy)
		if err != nil {
			return fmt.Errorf("update record: %w", err)
		}
		return s.recordChanged(ctx, tx, "updated", r, r.Stamp.UpdatedBy)
	})
	return r, err
}

// DeleteRecord implements catalog.Records.
func (s *Store) DeleteRecord(ctx context.Context, typ, id, by string, check func(catalog.Record) error) error {
	return s.inTx(ctx, func(tx pg.Tx) error {
		r, err := lockRecord(ctx, tx, typ, id)
		if err != nil {
			return err
		}
		if err := check(r); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM records WHERE id = $1`, r.ID); err != nil {
			return fmt.Errorf("delete record: %w", err)
		}
		return s.recordChanged(ctx, tx, "deleted", r, by)
	})
}

func lockRecord(ctx context.Context, tx pg.Tx, typ, id string) (catalog.Record, error) {
	if uuid.Validate(id) != nil {
		return catalog.Record{}, catalog.NoRecord()
	}
	answer, err := tx.Query(ctx, `SELECT `+recordColumns+` FROM records WHERE type = $1 AND id = $2 FOR UPDATE`, typ, id)
	if err != nil {
		return catalog.Record{}, fmt.Errorf("lock record: %w", err)
	}
	r, err := pgx.CollectExactlyOneRow(answer, scanRecord)
	return r, found(err, catalog.NoRecord())
}
