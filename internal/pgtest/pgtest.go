// Package pgtest gives each test a PostgreSQL of its own: a database on a private server that the test
// binary shares, or a whole server for a test that kills it. Test binaries that use it have
//
//	func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
//
// A machine without PostgreSQL fails the test; nothing is skipped. The shared server is started by the
// first test that asks: a goroutine leak test asks first, and then takes goleak.IgnoreCurrent.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// startLimit is generous: the machine may be building something else.
const startLimit = time.Minute

// shared is the server of this test binary.
var shared = sync.OnceValues(func() (*postgres.Server, error) {
	s, err := start(postgres.Settings{})
	if err == nil {
		guard.AtExit(func() { stop(s) })
	}
	return s, err
})

func start(set postgres.Settings) (*postgres.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	dir, err := testdir.New("postgres")
	if err != nil {
		return nil, err
	}
	set.Dir, set.Disposable = dir, true
	s, err := postgres.New(ctx, set)
	if err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// stop ends a server whose data nobody will read.
func stop(s *postgres.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Stop(ctx)
}

// Server starts a server of the test's own, gone at cleanup. Its fsync is off: killing the postmaster
// loses nothing, pulling the plug would.
func Server(t testing.TB) *postgres.Server { return server(t, postgres.Settings{}) }

// RoomyServer is Server with as much memory as signalbox up gives one: where a benchmark's data outgrows that of a server
// for tests, it measures how pages come and go.
func RoomyServer(t testing.TB) *postgres.Server { return server(t, postgres.Settings{Roomy: true}) }

func server(t testing.TB, set postgres.Settings) *postgres.Server {
	t.Helper()
	s, err := start(set)
	if err != nil {
		t.Fatalf("start PostgreSQL for the test: %v", err)
	}
	t.Cleanup(func() { stop(s) })
	return s
}

// DB is a database with schemas, each with an owning and a working role.
type DB struct {
	Name    string
	admin   string
	schemas map[string]pg.SchemaRoles
}

// New makes a fresh database with the named schemas on the shared server; it is dropped at cleanup.
func New(t testing.TB, schemas ...string) *DB {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL for the tests: %v", err)
	}
	db := On(t, s, schemas...)
	t.Cleanup(func() { db.drop(t, s) })
	return db
}

// On makes a fresh database with the named schemas on a server that the test started.
func On(t testing.TB, s *postgres.Server, schemas ...string) *DB {
	t.Helper()
	name := "test_" + host.Secret()[:12]
	db := &DB{Name: name, admin: s.URL(), schemas: map[string]pg.SchemaRoles{}}
	var all []pg.SchemaRoles
	for _, schema := range schemas {
		// Roles belong to the server, not to the database, so their names must be the test's own.
		roles := pg.SchemaRoles{
			Schema: schema, Owner: schema + "_owner_" + name, OwnerPassword: host.Secret(),
			Role: schema + "_" + name, Password: host.Secret(), Readers: readers(schema),
		}
		db.schemas[schema] = roles
		all = append(all, roles)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := pg.Bootstrap(ctx, s.URL(), name, all); err != nil {
		t.Fatalf("bootstrap %s: %v", name, err)
	}
	return db
}

func readers(schema string) []string {
	if schema == "maintenance" {
		return []string{"maintenance_reader"}
	}
	return nil
}

// URL of the schema's working role. An unknown schema panics: the test named it wrongly.
func (db *DB) URL(schema string) string {
	r := db.roles(schema)
	return db.address(url.UserPassword(r.Role, r.Password))
}

// OwnerURL of the role that owns the schema.
func (db *DB) OwnerURL(schema string) string {
	r := db.roles(schema)
	return db.address(url.UserPassword(r.Owner, r.OwnerPassword))
}

// AdminURL of the superuser, in this database.
func (db *DB) AdminURL() string { return db.address(nil) }

// Roles of a schema, for a test that looks at them.
func (db *DB) Roles(schema string) pg.SchemaRoles { return db.roles(schema) }

func (db *DB) roles(schema string) pg.SchemaRoles {
	r, ok := db.schemas[schema]
	if !ok {
		panic(fmt.Sprintf("pgtest: the test's database has no schema %q", schema))
	}
	return r
}

func (db *DB) address(user *url.Userinfo) string {
	u, err := url.Parse(db.admin)
	if err != nil {
		panic(fmt.Sprintf("pgtest: server URL: %v", err)) // we made it
	}
	if u.Path = "/" + db.Name; user != nil {
		u.User = user
	}
	return u.String()
}

// drop removes database and roles, with whatever is still connected.
func (db *DB) drop(t testing.TB, s *postgres.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	if err != nil {
		t.Errorf("drop %s: %v", db.Name, err)
		return
	}
	defer func() { _ = conn.Close(ctx) }()
	todo := []string{"drop database if exists " + ident(db.Name) + " with (force)"}
	for _, r := range db.schemas {
		todo = append(todo, "drop role if exists "+ident(r.Role), "drop role if exists "+ident(r.Owner))
	}
	for sql := range slices.Values(todo) {
		if _, err := conn.Exec(ctx, sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }
