package pg

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// SchemaRoles names one schema and the two roles it has: an owner (migrations) and one that works in
// it (no DDL). Passwords are the caller's to generate and keep.
type SchemaRoles struct {
	Schema        string
	Owner         string
	OwnerPassword string
	Role          string
	Password      string
	Readers       []string // further roles that may only SELECT (maintenance_reader); created without login if missing
}

// bootstrapLock serialises all bootstraps of one server: roles are shared by its databases, and
// PostgreSQL refuses two concurrent updates of one role. The number is "sbox" and means nothing else.
const bootstrapLock = 0x73626f78

// Bootstrap creates, or brings up to date, database, roles and schemas with an admin's URL. Idempotent,
// and safe when several run at once. What a migration has revoked stays revoked: privileges on existing
// tables are given only together with a role's first access to the schema.
func Bootstrap(ctx context.Context, adminURL, database string, all []SchemaRoles) error {
	if err := checkNames(database, all); err != nil {
		return err
	}
	admin, err := connect(ctx, adminURL, "")
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	defer closeConn(admin)
	if _, err := admin.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(bootstrapLock)); err != nil {
		return fmt.Errorf("bootstrap: wait for the lock: %w", err)
	}
	if err := createDatabase(ctx, admin, database); err != nil {
		return err
	}
	conn, err := connect(ctx, adminURL, database)
	if err != nil {
		return fmt.Errorf("bootstrap database %q: %w", database, err)
	}
	defer closeConn(conn)
	for _, s := range all {
		if err := bootstrapSchema(ctx, conn, database, s); err != nil {
			return fmt.Errorf("bootstrap schema %q: %w", s.Schema, err)
		}
	}
	return nil
}

func checkNames(database string, all []SchemaRoles) error {
	if err := checkName("database", database); err != nil {
		return err
	}
	for _, s := range all {
		names := append([]string{s.Schema, s.Owner, s.Role}, s.Readers...)
		for _, n := range names {
			if err := checkName("schema or role", n); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkName keeps out what PostgreSQL would cut off or take for its own.
func checkName(what, name string) error {
	switch {
	case name == "" || len(name) > 63 || strings.ContainsRune(name, 0):
		return fmt.Errorf("%s name %q: 1 to 63 bytes are allowed", what, name)
	case strings.HasPrefix(name, "pg_"):
		return fmt.Errorf("%s name %q: names that begin with pg_ are PostgreSQL's own", what, name)
	}
	return nil
}

func connect(ctx context.Context, url, database string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	if database != "" {
		c.Database = database
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// closeConn ends the session, and with it its advisory locks.
func closeConn(c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), pingTimeout)
	defer cancel()
	_ = c.Close(ctx)
}

func createDatabase(ctx context.Context, admin *pgx.Conn, name string) error {
	var there bool
	err := admin.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)`, name).Scan(&there)
	if err != nil {
		return fmt.Errorf("look for database %q: %w", name, err)
	}
	if there {
		return nil
	}
	_, err = admin.Exec(ctx, "CREATE DATABASE "+ident(name))
	if err != nil && !hasCode(err, "42P04") { // created meanwhile by somebody without the lock
		return fmt.Errorf("create database %q: %w", name, err)
	}
	return nil
}

// bootstrapSchema does one schema in one transaction, so that a killed bootstrap leaves nothing half made.
func bootstrapSchema(ctx context.Context, conn *pgx.Conn, database string, s SchemaRoles) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := makeRoles(ctx, tx, s); err != nil {
			return err
		}
		if err := closeDatabase(ctx, tx, database, s); err != nil {
			return err
		}
		if err := makeSchema(ctx, tx, s); err != nil {
			return err
		}
		if err := grantSchema(ctx, tx, s, s.Role, "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT, UPDATE"); err != nil {
			return err
		}
		for _, r := range s.Readers {
			if err := grantSchema(ctx, tx, s, r, "SELECT", "SELECT"); err != nil {
				return err
			}
		}
		return nil
	})
}

// closeDatabase leaves nothing to PUBLIC, and the schema public to nobody.
func closeDatabase(ctx context.Context, tx pgx.Tx, database string, s SchemaRoles) error {
	roles := append([]string{s.Owner, s.Role}, s.Readers...)
	for i, r := range roles {
		roles[i] = ident(r)
	}
	return execAll(ctx, tx,
		"REVOKE ALL ON DATABASE "+ident(database)+" FROM PUBLIC",
		"GRANT CONNECT ON DATABASE "+ident(database)+" TO "+strings.Join(roles, ", "),
		`DO $$ BEGIN IF to_regnamespace('public') IS NOT NULL THEN REVOKE ALL ON SCHEMA public FROM PUBLIC; END IF; END $$`,
	)
}

func makeSchema(ctx context.Context, tx pgx.Tx, s SchemaRoles) error {
	return execAll(ctx, tx,
		"CREATE SCHEMA IF NOT EXISTS "+ident(s.Schema)+" AUTHORIZATION "+ident(s.Owner),
		"ALTER SCHEMA "+ident(s.Schema)+" OWNER TO "+ident(s.Owner),
		"REVOKE ALL ON SCHEMA "+ident(s.Schema)+" FROM PUBLIC",
	)
}

// grantSchema lets role use the schema. Tables made before are included at its first access only.
func grantSchema(ctx context.Context, tx pgx.Tx, s SchemaRoles, role, tables, sequences string) error {
	var known bool
	err := tx.QueryRow(ctx, `SELECT has_schema_privilege($1, $2, 'USAGE')`, role, s.Schema).Scan(&known)
	if err != nil {
		return fmt.Errorf("read the privileges of role %q: %w", role, err)
	}
	if known {
		return nil
	}
	schema, to := ident(s.Schema), " TO "+ident(role)
	byOwner := "ALTER DEFAULT PRIVILEGES FOR ROLE " + ident(s.Owner) + " IN SCHEMA " + schema
	return execAll(ctx, tx,
		"GRANT USAGE ON SCHEMA "+schema+to,
		byOwner+" GRANT "+tables+" ON TABLES"+to,
		byOwner+" GRANT "+sequences+" ON SEQUENCES"+to,
		"GRANT "+tables+" ON ALL TABLES IN SCHEMA "+schema+to,
		"GRANT "+sequences+" ON ALL SEQUENCES IN SCHEMA "+schema+to,
	)
}

func execAll(ctx context.Context, tx pgx.Tx, statements ...string) error {
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", firstWords(sql), err)
		}
	}
	return nil
}

// firstWords names a statement in an error without its details (a password's verifier among them).
func firstWords(sql string) string {
	words := strings.Fields(sql)
	return strings.ToLower(strings.Join(words[:min(2, len(words))], " "))
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

var errURL = errors.New("not a PostgreSQL URL: postgres://user:password@host:port/database is expected")
