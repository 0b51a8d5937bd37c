// Package pg is a service's PostgreSQL: one schema, a role that works in it and one that owns it,
// migrations under an advisory lock, pool metrics and spans.
package pg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Tx is pgx's transaction; packages that may not import pgx take this.
type Tx = pgx.Tx

// Settings of one schema's database.
type Settings struct {
	URL            string // of the working role
	OwnerURL       string // of the owning role; "": URL
	Schema         string
	MaxConns       int32 // 0: 4
	CheckOnly      bool  // never migrate, only check (in a cluster a job migrates)
	Registerer     prometheus.Registerer
	TracerProvider trace.TracerProvider
	Edges          *telemetry.Edges // nil: what passes between the service and PostgreSQL is in no topology
	Logger         *slog.Logger
}

// Migrations is one set of goose migrations in a schema; each set keeps its own version table
// migration_<name>. Sets run in the order given.
type Migrations struct {
	Name string
	FS   fs.FS // *.sql at its root
}

const (
	connectTimeout  = 3 * time.Second
	pingTimeout     = time.Second
	defaultMaxConns = 4
)

// DB is ready for use after Migrate succeeded once; before that Ready says why not.
// Safe for concurrent use.
type DB struct {
	settings Settings
	owner    *pgx.ConnConfig
	pool     *pgxpool.Pool
	metrics  *metrics
	state    atomic.Pointer[state]
	checked  chan struct{} // closed when state holds the outcome of a Migrate
	first    sync.Once
}

// state is the outcome of the last Migrate.
type state struct{ err error }

// Open parses the URLs (an error there is the operator's) and makes the pool; it does not connect.
// Its errors never hold a URL.
func Open(s Settings) (*DB, error) {
	if s.OwnerURL == "" {
		s.OwnerURL = s.URL
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if err := checkName("schema", s.Schema); err != nil {
		return nil, err
	}
	m := newMetrics(s.Schema)
	if s.Edges != nil {
		m.edge = s.Edges.To(telemetry.NodePostgres, "postgresql")
	}
	config, err := poolConfig(s, m)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	owner, err := ownerConfig(s)
	if err != nil {
		return nil, fmt.Errorf("owner's database URL: %w", err)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("make the pool of schema %q: %w", s.Schema, err)
	}
	m.pool = pool
	if err := m.register(s.Registerer); err != nil {
		pool.Close()
		return nil, fmt.Errorf("register the metrics of schema %q: %w", s.Schema, err)
	}
	d := &DB{settings: s, owner: owner, pool: pool, metrics: m, checked: make(chan struct{})}
	d.state.Store(&state{err: errNotYet})
	return d, nil
}

var errNotYet = errors.New("the schema has not been checked yet")

// Pool is the working role's pool; search_path is the schema.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Schema that the DB works in.
func (d *DB) Schema() string { return d.settings.Schema }

// Migrated is nil once Migrate has succeeded, else the cause of its last failure. It asks no server.
func (d *DB) Migrated() error { return d.state.Load().err }

// Ready is nil when the schema is migrated and the server answers. It waits for the first answer to that, within
// ctx: a service that starts is not down because it was asked too early.
func (d *DB) Ready(ctx context.Context) error {
	select {
	case <-d.checked:
	case <-ctx.Done():
	}
	if err := d.Migrated(); err != nil {
		return err
	}
	if err := d.ping(ctx); err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	return nil
}

// ping asks through the pool, or beside it while every connection is in use: being busy is not being down.
func (d *DB) ping(ctx context.Context) error {
	s := d.pool.Stat()
	if s.IdleConns() > 0 || s.TotalConns() < s.MaxConns() {
		return d.pool.Ping(ctx)
	}
	config := d.pool.Config().ConnConfig
	config.Tracer = nil
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer closeConn(conn)
	return conn.Ping(ctx)
}

// Close ends the idle connections, and each one in use when its user releases it, for which it does not
// wait. Idempotent.
func (d *DB) Close() {
	d.metrics.unregister(d.settings.Registerer)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		d.pool.Close() // waits for the connections in use, which its users' contexts end
	}()
	pauseUntil(closed, pingTimeout)
}
