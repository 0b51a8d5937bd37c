// Package postgres keeps identity's users, sessions and failed sign-ins in schema identity.
package postgres

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

//go:embed migration/*.sql
var migrations embed.FS

// Migrations of the schema identity.
func Migrations() pg.Migrations {
	sub, err := fs.Sub(migrations, "migration")
	if err != nil {
		panic(err) // cannot happen: the folder is embedded above
	}
	return pg.Migrations{Name: "identity", FS: sub}
}

// Outbox publishes what a transaction committed.
type Outbox interface {
	Add(ctx context.Context, tx pg.Tx, aggregate string, p bus.Publication) error
}

// Store is safe for concurrent use.
type Store struct {
	db     *pg.DB
	events Outbox // nil: no bus, no events
	source string
}

// New makes a store; source names the instance in its events, "/identity/identity-1".
func New(db *pg.DB, events Outbox, source string) *Store {
	return &Store{db: db, events: events, source: source}
}

// userEvent is the data of every identity.user.* event.
type userEvent struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Disabled bool   `json:"disabled"`
	By       string `json:"by"` // user id of the administrator, "service:up", or the user himself
}

// publish adds the event of a user's change to its transaction.
func (s *Store) publish(ctx context.Context, tx pg.Tx, what string, u account.User, by string) error {
	if s.events == nil {
		return nil
	}
	data, err := json.Marshal(userEvent{ID: u.ID, Name: u.Name, Disabled: u.Disabled, By: by})
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	kind := "identity.user." + what
	event := bus.Event{Source: s.source, Type: kind, Subject: u.ID, Data: data}
	if err := s.events.Add(ctx, tx, "user/"+u.ID, bus.Publication{Exchange: bus.Events, Key: kind, Event: event}); err != nil {
		return fmt.Errorf("add event %s: %w", kind, err)
	}
	return nil
}
