package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Types are kept by the store. A change and its event are one transaction.
type Types interface {
	InsertType(ctx context.Context, t Type) error
	// UpdateType locks the type, lets change look at it, and stores the outcome.
	UpdateType(ctx context.Context, name string, change func(*Type) error) (Type, error)
	// DeleteType refuses a type that has records (problem conflict).
	DeleteType(ctx context.Context, name, by string, check func(Type) error) error
}

// Records are kept by the store. A change and its event are one transaction; make and change see the
// type as it is until that transaction ends.
type Records interface {
	InsertRecord(ctx context.Context, typ string, make func(Type) (Record, error)) (Record, error)
	UpdateRecord(ctx context.Context, typ, id string, change func(Type, *Record) error) (Record, error)
	DeleteRecord(ctx context.Context, typ, id, by string, check func(Record) error) error
}

// Catalog changes types and records by the rules. Safe for concurrent use.
type Catalog struct {
	types   Types
	records Records
	schemas *schemas
}

// New makes a catalog over its stores.
func New(types Types, records Records) *Catalog {
	return &Catalog{types: types, records: records, schemas: newSchemas()}
}

// AnyVersion as the expected version accepts what is there.
const AnyVersion = 0

// CreateType by the user by.
func (c *Catalog) CreateType(ctx context.Context, by, name, title string, schema json.RawMessage) (Type, error) {
	if err := CheckName(name); err != nil {
		return Type{}, err
	}
	t := Type{Name: name, Version: 1, Stamp: stamp(by)}
	if err := t.set(title, schema); err != nil {
		return Type{}, err
	}
	return t, c.types.InsertType(ctx, t)
}

// ChangeType replaces title and schema. Records that are there stay; they meet the new schema when they
// are changed next.
func (c *Catalog) ChangeType(ctx context.Context, by, name, title string, schema json.RawMessage, expected int64) (Type, error) {
	var next Type
	if err := next.set(title, schema); err != nil {
		return Type{}, err
	}
	return c.types.UpdateType(ctx, name, func(t *Type) error {
		if err := match(expected, t.Version); err != nil {
			return err
		}
		t.Title, t.Schema = next.Title, next.Schema
		t.Version++
		t.Stamp.touch(by)
		return nil
	})
}

func (t *Type) set(title string, schema json.RawMessage) (err error) {
	if t.Title, err = checkTitle(title); err != nil {
		return err
	}
	t.Schema, err = checkSchema(schema)
	return err
}

// DeleteType that has no records.
func (c *Catalog) DeleteType(ctx context.Context, by, name string, expected int64) error {
	return c.types.DeleteType(ctx, name, by, func(t Type) error { return match(expected, t.Version) })
}

// CreateRecord of a type.
func (c *Catalog) CreateRecord(ctx context.Context, by, typ string, data json.RawMessage) (Record, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Record{}, fmt.Errorf("make a record id: %w", err)
	}
	return c.CreateRecordAs(ctx, by, typ, id.String(), data)
}

// CreateRecordAs makes a record with an id that the caller has, a UUID of version 7. One that is there is a conflict.
func (c *Catalog) CreateRecordAs(ctx context.Context, by, typ, id string, data json.RawMessage) (Record, error) {
	value, text, err := object(data)
	if err != nil {
		return Record{}, err
	}
	return c.records.InsertRecord(ctx, typ, func(t Type) (Record, error) {
		r := Record{ID: id, Type: t.Name, Data: text, Revision: 1, Schema: t.Version, Stamp: stamp(by)}
		return r, c.fits(t, value)
	})
}

// ChangeRecord replaces the data.
func (c *Catalog) ChangeRecord(ctx context.Context, by, typ, id string, data json.RawMessage, expected int64) (Record, error) {
	value, text, err := object(data)
	if err != nil {
		return Record{}, err
	}
	return c.records.UpdateRecord(ctx, typ, id, func(t Type, r *Record) error {
		if err := match(expected, r.Revision); err != nil {
			return err
		}
		r.Data, r.Schema = text, t.Version
		r.Revision++
		r.Stamp.touch(by)
		return c.fits(t, value)
	})
}

// DeleteRecord for good.
func (c *Catalog) DeleteRecord(ctx context.Context, by, typ, id string, expected int64) error {
	return c.records.DeleteRecord(ctx, typ, id, by, func(r Record) error { return match(expected, r.Revision) })
}

func (c *Catalog) fits(t Type, value any) error {
	p, err := c.schemas.of(t.Schema)
	if err != nil {
		return fmt.Errorf("type %q: %w", t.Name, err)
	}
	return p.validate(value, "/data")
}

// object reads a record's data.
func object(data json.RawMessage) (value any, text json.RawMessage, err error) {
	if value, err = parse(data); err != nil {
		return nil, nil, invalid("/data", err.Error())
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, nil, invalid("/data", "must be a JSON object")
	}
	text, err = encode(value)
	return value, text, err
}

func match(expected, present int64) error {
	if expected != AnyVersion && expected != present {
		return Stale(present)
	}
	return nil
}

func stamp(by string) Stamp {
	now := time.Now().UTC().Truncate(time.Microsecond) // as PostgreSQL keeps it
	return Stamp{CreatedAt: now, UpdatedAt: now, CreatedBy: by, UpdatedBy: by}
}

func (s *Stamp) touch(by string) {
	s.UpdatedAt, s.UpdatedBy = time.Now().UTC().Truncate(time.Microsecond), by
}
