// Package postgres keeps schedules, the fire ledger and the leader's term in the schema scheduler.
package postgres

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
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

// Outbox writes a publication into the caller's transaction.
type Outbox interface {
	Add(ctx context.Context, tx pg.Tx, aggregate string, p bus.Publication) error
}

// Store is safe for concurrent use.
type Store struct {
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
	return s.outbox.Add(ctx, tx, "", bus.Publication{Exchange: bus.Events, Key: kind, Event: bus.Event{
		ID: id, Source: s.source, Type: kind, Subject: subject, Time: time.Now().UTC(), Data: body,
	}})
}

// emitEnded tells that fires reached their end; a later, better end of one has an event of its own.
func (s *Store) emitEnded(ctx context.Context, tx pgx.Tx, fires ...api.Fire) error {
	for part := range slices.Chunk(fires, maxEnded) {
		if err := s.emit(ctx, tx, api.EventFiresEnded, "", "", api.FiresEnded{Fires: part}); err != nil {
			return err
		}
	}
	return nil
}

// maxEnded fires go into one event.
const maxEnded = 500

// publishFire puts a fire into the outbox. A fire published again has the number of the try in its event's
// id, so that no inbox by event takes it for the same message; the fire's own id stays.
func (s *Store) publishFire(ctx context.Context, tx pgx.Tx, f timed.Fire, try int) error {
	data, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode fire %s: %w", f.ID, err)
	}
	id := f.ID
	if try > 0 {
		id = fmt.Sprintf("%s/%d", f.ID, try)
	}
	return s.outbox.Add(ctx, tx, "", bus.Publication{Exchange: bus.Schedule, Key: f.Schedule, Event: bus.Event{
		ID: id, Source: s.source, Type: timed.EventFired, Subject: f.ID, Time: time.Now().UTC(), Data: data,
	}})
}

func millis(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
