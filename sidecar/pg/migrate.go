package pg

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// lockPoll is how often a migrator asks for the schema's lock. It asks instead of waiting in the
// server, because a waiting statement is a transaction that CREATE INDEX CONCURRENTLY waits for.
const lockPoll = 50 * time.Millisecond

// Migrate brings the schema up under an advisory lock derived from its name, and refuses one whose
// recorded minimum binary is newer than the sets given (ErrSchemaTooNew). With CheckOnly it changes
// nothing and fails while migrations are missing. A schema that is ahead, but not beyond the minimum,
// is accepted: the previous release runs beside the next. An error is the cause; call it again.
func (d *DB) Migrate(ctx context.Context, sets ...Migrations) error {
	err := d.migrate(ctx, sets)
	if err != nil {
		err = fmt.Errorf("schema %q: %w", d.settings.Schema, err)
	}
	d.state.Store(&state{err: err})
	d.first.Do(func() { close(d.checked) })
	return err
}

func (d *DB) migrate(ctx context.Context, sets []Migrations) error {
	known, err := newest(sets)
	if err != nil {
		return err
	}
	if d.settings.CheckOnly {
		return d.check(ctx, known)
	}
	db := d.openOwner()
	defer db.Close()
	if err := d.prepareSchema(ctx, db, known); err != nil {
		return err
	}
	for _, set := range sets {
		if err := up(ctx, db, set); err != nil {
			return err
		}
	}
	if err := d.protect(ctx, db, known); err != nil {
		return err
	}
	return d.check(ctx, known) // by the working role: a login refused is found here, not by the first request
}

// openOwner is the owner's database with one session at a time, each of which holds the schema's lock
// before anything else is done in it. The lock ends with the session: a killed migrator frees it
// when the server has rolled its work back, not before.
func (d *DB) openOwner() *sql.DB {
	key := lockKey(d.settings.Schema)
	db := stdlib.OpenDB(*d.owner, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		return takeLock(ctx, c, key)
	}))
	db.SetMaxOpenConns(1)
	return db
}

func lockKey(schema string) int64 {
	h := fnv.New64a()
	h.Write([]byte("signalbox migration " + schema))
	return int64(h.Sum64())
}

func takeLock(ctx context.Context, c *pgx.Conn, key int64) error {
	for {
		var taken bool
		if err := c.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&taken); err != nil || taken {
			return err
		}
		if err := pause.For(ctx, jitter(lockPoll)); err != nil {
			return fmt.Errorf("wait for another migration: %w", err)
		}
	}
}

// prepareSchema makes what precedes every set: the schema where nobody bootstrapped it, and its table of minimums.
func (d *DB) prepareSchema(ctx context.Context, db *sql.DB, known []version) error {
	if err := d.ensureSchema(ctx, db); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_minimum (name text PRIMARY KEY, minimum bigint NOT NULL)`)
	if err != nil {
		return fmt.Errorf("create table schema_minimum: %w", err)
	}
	for _, v := range known {
		if err := d.registerSet(ctx, db, v); err != nil {
			return err
		}
	}
	return nil
}

func (d *DB) ensureSchema(ctx context.Context, db *sql.DB) error {
	var there bool
	if err := db.QueryRowContext(ctx, `SELECT to_regnamespace(quote_ident($1)) IS NOT NULL`, d.settings.Schema).Scan(&there); err != nil {
		return err
	}
	if there {
		return nil
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+ident(d.settings.Schema)); err != nil {
		return fmt.Errorf("it does not exist and cannot be created (run: signalbox migrate --bootstrap): %w", err)
	}
	return nil
}

func (d *DB) registerSet(ctx context.Context, db *sql.DB, v version) error {
	_, err := db.ExecContext(ctx, `INSERT INTO schema_minimum (name, minimum) VALUES ($1, 0) ON CONFLICT DO NOTHING`, v.name)
	if err != nil {
		return fmt.Errorf("register set %q: %w", v.name, err)
	}
	var minimum int64
	if err := db.QueryRowContext(ctx, `SELECT minimum FROM schema_minimum WHERE name = $1`, v.name).Scan(&minimum); err != nil {
		return fmt.Errorf("read the minimum of set %q: %w", v.name, err)
	}
	return v.allow(minimum)
}

// up applies what is missing of one set. A set that the schema is ahead of is left alone by goose.
func up(ctx context.Context, db *sql.DB, set Migrations) error {
	p, err := goose.NewProvider(goose.DialectPostgres, db, set.FS,
		goose.WithTableName(versionTable(set.Name)),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()),
	)
	if err != nil {
		return fmt.Errorf("read the migrations of set %q: %w", set.Name, err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate set %q: %w", set.Name, err)
	}
	return nil
}

// protect takes the bookkeeping away from the working role, which reads it only.
func (d *DB) protect(ctx context.Context, db *sql.DB, known []version) error {
	role := d.pool.Config().ConnConfig.User
	if role == d.owner.User {
		return nil
	}
	tables := ident("schema_minimum")
	for _, v := range known {
		tables += ", " + ident(versionTable(v.name))
	}
	_, err := db.ExecContext(ctx, "REVOKE INSERT, UPDATE, DELETE ON "+tables+" FROM "+ident(role))
	if err != nil {
		return fmt.Errorf("protect the version tables: %w", err)
	}
	return nil
}
