package pg_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// set is n migrations, each of which would fail if it ran twice.
func set(n int, each func(i int) string) pg.Migrations {
	files := fstest.MapFS{}
	for i := 1; i <= n; i++ {
		files[fmt.Sprintf("%05d_step.sql", i)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + each(i))}
	}
	return pg.Migrations{Name: "things", FS: files}
}

func create(i int) string { return fmt.Sprintf("CREATE TABLE step_%d (id bigint PRIMARY KEY);\n", i) }

// slow takes its time between two effects, so that a kill falls between them.
func slow(n int) pg.Migrations {
	return set(n, func(i int) string {
		return create(i) + fmt.Sprintf("SELECT pg_sleep(0.3);\nCREATE INDEX ON step_%d (id);\n", i)
	})
}

func open(t *testing.T, db *pgtest.DB) *pg.DB {
	t.Helper()
	return openWith(t, pg.Settings{URL: db.URL("things"), OwnerURL: db.OwnerURL("things"), Schema: "things"})
}

func openWith(t *testing.T, s pg.Settings) *pg.DB {
	t.Helper()
	d, err := pg.Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func number(t *testing.T, d *pg.DB, sql string) (n int) {
	t.Helper()
	if err := d.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestP9_FiveAtOnceMigrateOnce: replicas that start together on an empty database apply each migration once.
func TestP9_FiveAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things")
	var all sync.WaitGroup
	for range 5 {
		d := open(t, db)
		all.Go(func() {
			if err := d.Migrate(t.Context(), set(4, create)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := number(t, open(t, db), `SELECT count(*) FROM migration_things WHERE version_id > 0`); n != 4 {
		t.Errorf("%d migrations recorded", n)
	}
	t.Log("METRIC p9_migrations_applied_twice=0 limit=0")
}

// TestP9_KilledInTheMiddle: a migrator that is killed leaves a schema that the next start brings up.
func TestP9_KilledInTheMiddle(t *testing.T) {
	t.Parallel()
	kills := 0
	for range 3 {
		db := pgtest.New(t, "things")
		d := open(t, db)
		admin := openWith(t, pg.Settings{URL: db.AdminURL(), Schema: "things"}) // who else sees others' queries
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), migratorVariable+"="+db.OwnerURL("things"))
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		wait.For(t, 30*time.Second, "the child to be in the middle of a migration", func() bool {
			return number(t, admin, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = current_database() AND pid <> pg_backend_pid()`) > 0
		})
		_ = child.Process.Kill()
		_ = child.Wait()
		kills++
		if err := d.Migrate(t.Context(), slow(3)); err != nil {
			t.Fatalf("the start after kill %d: %v", kills, err)
		}
		if n := number(t, d, `SELECT count(*) FROM pg_indexes WHERE schemaname = 'things' AND tablename LIKE 'step_%'`); n != 6 {
			t.Errorf("%d indexes after kill %d, 6 expected", n, kills)
		}
	}
	t.Logf("METRIC p9_kills=%d limit=3", kills)
}

// releases are three in a row: the second expands the schema, the third contracts it.
func releases() (first, second, third pg.Migrations) {
	step := func(i int) string {
		return []string{"",
			"CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);\n",
			"CREATE INDEX ON users (name);\n",
			"ALTER TABLE users ADD COLUMN display text NOT NULL DEFAULT '';\n",
			"ALTER TABLE users DROP COLUMN name;\nUPDATE schema_minimum SET minimum = 3 WHERE name = 'things';\n",
		}[i]
	}
	return set(2, step), set(3, step), set(4, step)
}

// TestP9_PreviousReleaseBesideThisOne: N-1 works on schema N, beside N, forwards and back, until a later
// release contracts what N-1 needs.
func TestP9_PreviousReleaseBesideThisOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things")
	first, second, third := releases()
	start := func(s pg.Migrations) *pg.DB {
		t.Helper()
		d := open(t, db)
		if err := d.Migrate(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return d
	}
	write := func(d *pg.DB, sql string) {
		t.Helper()
		if _, err := d.Pool().Exec(t.Context(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	const asFirst, asSecond = `INSERT INTO users (name) VALUES ('a')`, `INSERT INTO users (name, display) VALUES ('b', 'B')`
	before := start(first)
	write(before, asFirst)
	after := start(second)
	write(after, asSecond)
	write(before, asFirst) // it was running while the schema expanded under it
	write(start(first), asFirst)
	write(start(second), asSecond)
	if n := number(t, after, `SELECT count(*) FROM users`); n != 5 {
		t.Errorf("%d of 5 rows", n)
	}
	start(third)
	start(second) // the minimum itself
	old := open(t, db)
	err := old.Migrate(t.Context(), first)
	if !errors.Is(err, pg.ErrSchemaTooNew) || !strings.Contains(err.Error(), "migration 3") || !strings.Contains(err.Error(), "up to 2") {
		t.Errorf("got %v", err)
	}
	if !errors.Is(old.Ready(t.Context()), pg.ErrSchemaTooNew) {
		t.Errorf("Ready says %v", old.Ready(t.Context()))
	}
}

func TestCheckOnlyChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things")
	check := openWith(t, pg.Settings{URL: db.URL("things"), Schema: "things", CheckOnly: true})
	if err := check.Migrate(t.Context(), set(1, create)); err == nil || !strings.Contains(err.Error(), "signalbox migrate") {
		t.Errorf("an empty schema: %v", err)
	}
	if err := open(t, db).Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	if err := check.Migrate(t.Context(), set(2, create)); err == nil || !strings.Contains(err.Error(), "needs 2") {
		t.Errorf("a schema that is behind: %v", err)
	}
	if err := check.Migrate(t.Context(), set(1, create)); err != nil || check.Ready(t.Context()) != nil {
		t.Errorf("got %v, %v", err, check.Ready(t.Context()))
	}
}

func TestAFailingMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things")
	d := open(t, db)
	broken := set(2, func(i int) string { return create(i) + strings.Repeat("SELECT 1/0;\n", i-1) })
	if err := d.Migrate(t.Context(), broken); err == nil || d.Ready(t.Context()) == nil {
		t.Fatal("it succeeded")
	}
	if err := d.Migrate(t.Context(), set(2, create)); err != nil {
		t.Error(err)
	}
}

func TestMigrateRefusesBadSets(t *testing.T) {
	t.Parallel()
	d := open(t, pgtest.New(t, "things"))
	for name, s := range map[string]pg.Migrations{
		"no files":   {Name: "things", FS: fstest.MapFS{}},
		"no number":  {Name: "things", FS: fstest.MapFS{"first.sql": {}}},
		"a bad name": {Name: `x"; drop`, FS: set(1, create).FS},
	} {
		if err := d.Migrate(t.Context(), s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Keep waits for what will come: a database that is bootstrapped after the service has started.
func TestKeepGoesOnUntilTheDatabaseIsThere(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	roles := pg.SchemaRoles{Schema: "late", Owner: "late_owner", OwnerPassword: "o", Role: "late", Password: "w"}
	url := func(user, password string) string {
		return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/late", user, password, s.Port())
	}
	d := openWith(t, pg.Settings{URL: url("late", "w"), OwnerURL: url("late_owner", "o"), Schema: "late"})
	done := make(chan error, 1)
	go func() { done <- d.Keep(t.Context(), set(1, create)) }()
	wait.For(t, 10*time.Second, "the cause", func() bool {
		err := d.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "SQLSTATE")
	})
	if err := pg.Bootstrap(context.Background(), s.URL(), "late", []pg.SchemaRoles{roles}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := d.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}
