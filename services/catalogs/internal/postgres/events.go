package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/signalbox-mesh/signalbox/services/catalogs/internal/catalog"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// typeEvent is the data of every catalogs.type.* event.
type typeEvent struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
	By      string `json:"by"`
}

// recordEvent is the data of every catalogs.record.* event. It names the record and does not hold it: its
// readers may know less than the record's.
type recordEvent struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Revision int64  `json:"revision"`
	By       string `json:"by"`
}

func (s *Store) typeChanged(ctx context.Context, tx pg.Tx, what string, t catalog.Type, by string) error {
	return s.publish(ctx, tx, "catalogs.type."+what, "type/"+t.Name, t.Name, typeEvent{Name: t.Name, Version: t.Version, By: by})
}

func (s *Store) recordChanged(ctx context.Context, tx pg.Tx, what string, r catalog.Record, by string) error {
	return s.publish(ctx, tx, "catalogs.record."+what, "record/"+r.ID, r.ID,
		recordEvent{ID: r.ID, Type: r.Type, Revision: r.Revision, By: by})
}

func (s *Store) publish(ctx context.Context, tx pg.Tx, kind, aggregate, subject string, v any) error {
	if s.events == nil {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", kind, err)
	}
	event := bus.Event{Source: s.source, Type: kind, Subject: subject, Data: data}
	if err := s.events.Add(ctx, tx, aggregate, bus.Publication{Exchange: bus.Events, Key: kind, Event: event}); err != nil {
		return fmt.Errorf("add event %s: %w", kind, err)
	}
	return nil
}
