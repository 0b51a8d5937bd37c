package sidecar

import (
	"context"
	"fmt"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// gate holds requests back while a schema is not ready.
func (s *Sidecar) gate() error {
	for _, d := range s.databases() {
		if err := d.db.Migrated(); err != nil {
			return problem.Wrap(problem.Unavailable, "the service's database is not ready", err)
		}
	}
	return nil
}

func (s *Sidecar) databases() []extraDB {
	if s.db == nil {
		return s.extra
	}
	return append([]extraDB{{s.db, s.migrations()}}, s.extra...)
}

func (s *Sidecar) migrations() []pg.Migrations {
	return append([]pg.Migrations{outbox.Migrations()}, s.settings.Migrations...)
}

func (s *Sidecar) wireDatabase(context.Context) (err error) {
	if s.settings.Schema == "" {
		return nil
	}
	if s.config.PostgresURL == "" {
		return &settings.Error{Variable: "SIGNALBOX_POSTGRES_URL", Problem: "is not set, but " + s.settings.Service + " keeps schema " + s.settings.Schema + "; set it to postgres://user:password@host:port/database"}
	}
	s.db, err = s.openDB("POSTGRES_URL", s.config.PostgresURL, s.config.PostgresOwner, s.settings.Schema)
	return err
}

// OpenDB opens a further schema (view-service's log store), migrated at start and checked on /hc like the service's
// own. An empty url takes the service's own. Called between New and Run.
func (s *Sidecar) OpenDB(url, ownerURL, schema string, sets ...pg.Migrations) (*pg.DB, error) {
	if url == "" {
		url, ownerURL = s.config.PostgresURL, s.config.PostgresOwner
	}
	db, err := s.openDB("POSTGRES_URL of schema "+schema, url, ownerURL, schema)
	if err != nil {
		return nil, err
	}
	s.extra = append(s.extra, extraDB{db, sets})
	return db, nil
}

// Migrate brings every schema of the service up to date, once, without serving; it returns their names. For the job
// that migrates in a cluster.
func (s *Sidecar) Migrate(ctx context.Context) ([]string, error) {
	var done []string
	for _, d := range s.databases() {
		if err := d.db.Migrate(ctx, d.sets...); err != nil {
			return done, fmt.Errorf("schema %s: %w", d.db.Schema(), err)
		}
		done = append(done, d.db.Schema())
	}
	return done, nil
}

func (s *Sidecar) openDB(variable, url, ownerURL, schema string) (*pg.DB, error) {
	db, err := pg.Open(pg.Settings{
		URL: url, OwnerURL: ownerURL, Schema: schema, MaxConns: s.config.PostgresConns, CheckOnly: s.config.Migrate == "check",
		Registerer: s.registry, TracerProvider: s.tracing.TracerProvider(), Edges: s.edges, Logger: s.Logger("pg"),
	})
	if err != nil {
		return nil, &settings.Error{Variable: settings.Prefix + variable, Problem: err.Error()}
	}
	s.held.add("pool "+schema, func(context.Context) error { db.Close(); return nil })
	s.health.Add(health.Check{Name: "postgres-" + schema, Node: telemetry.NodePostgres, Weight: health.Downs, Run: db.Ready})
	return db, nil
}
