// Package postgres keeps schedules, the fire ledger and the leader's term in the schema scheduler.
package postgres

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations of the schema scheduler.
func Migrations() pg.Migrations {
	files, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return pg.Migrations{Name: "scheduler", FS: files}
}

// Outbox writes publications into the caller's transaction, all in one round trip.
type Outbox interface {
	AddAll(ctx context.Context, tx pg.Tx, entries []outbox.Entry) error
}

// Store is safe for concurrent use.
type Store struct {
	// Missed, if set before the store is used, is told of due times that ended, and not in done, by what people and
	// services do to their schedules; once it is committed.
	Missed func(reason api.Reason, n int)

	db     *pg.DB
	outbox Outbox
	source string // of the events it publishes
}

// New makes the store of one instance.
func New(db *pg.DB, outbox Outbox, instance string) *Store {
	return &Store{db: db, outbox: outbox, source: "/scheduler/" + instance}
}

// emit publishes a domain event with the transaction. id "" is given by the outbox.
func (s *Store) emit(ctx context.Context, tx pgx.Tx, kind, id, subject string, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", kind, err)
	}
	return s.outbox.AddAll(ctx, tx, []outbox.Entry{s.event(kind, id, subject, body)})
}

func (s *Store) event(kind, id, subject string, body []byte) outbox.Entry {
	return outbox.Entry{Publication: bus.Publication{Exchange: bus.Events, Key: kind, Event: bus.Event{
		ID: id, Source: s.source, Type: kind, Subject: subject, Time: time.Now().UTC(), Data: body,
	}}}
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
