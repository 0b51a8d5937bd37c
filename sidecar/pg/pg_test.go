package pg_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// TestP3_PostmasterKilled: what was committed is there, and errors stop soon after the server is back.
func TestP3_PostmasterKilled(t *testing.T) {
	t.Parallel()
	s := pgtest.Server(t)
	db := pgtest.On(t, s, "things")
	d := open(t, db)
	if err := d.Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	acked := map[int]bool{}
	id := 0
	insert := func() error {
		id++
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := d.InTx(ctx, func(tx pg.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO step_1 (id) VALUES ($1)`, id)
			return err
		})
		if err == nil {
			acked[id] = true
		}
		return err
	}
	failed, unknown := 0, 0
	for kill := range 3 {
		for range 50 {
			if err := insert(); err != nil {
				t.Fatalf("before kill %d: %v", kill, err)
			}
		}
		began := time.Now()
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := insert(); err != nil {
			failed++
			if !pg.IsUnavailable(err) {
				unknown++
				t.Errorf("not known as unavailable: %v", err)
			}
		}
		if err := s.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		ready := time.Now()
		for insert() != nil {
			if time.Since(ready) > 30*time.Second {
				t.Fatal("it does not recover")
			}
		}
		t.Logf("METRIC p3_outage_seconds=%.3f limit=2", time.Since(began).Seconds())
		t.Logf("METRIC p3_errors_after_ready_seconds=%.3f limit=1", time.Since(ready).Seconds())
	}
	if failed == 0 {
		t.Error("no kill was felt: the run proves nothing")
	}
	lost := len(acked) - number(t, d, `SELECT count(*) FROM step_1 WHERE id = ANY('{`+ids(acked)+`}')`)
	t.Logf("METRIC p3_acknowledged_lost=%d limit=0", lost)
	if lost != 0 {
		t.Errorf("%d acknowledged rows are lost", lost)
	}
}

func ids(all map[int]bool) string {
	var out []string
	for id := range all {
		out = append(out, fmt.Sprint(id))
	}
	return strings.Join(out, ",")
}

// TestP8_RolesCarryTheirLimits, and the working role can do nothing but work.
func TestP8_RolesCarryTheirLimits(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things", "other")
	d := open(t, db)
	if err := d.Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{db.URL("things"), db.OwnerURL("things")} {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		for _, setting := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
			var value string
			if err := conn.QueryRow(t.Context(), "SHOW "+setting).Scan(&value); err != nil || value == "0" {
				t.Errorf("%s is %q, %v", setting, value, err)
			}
		}
	}
	var jit string
	if err := d.Pool().QueryRow(t.Context(), `SHOW jit`).Scan(&jit); err != nil || jit != "off" {
		t.Errorf("statements are compiled: %q, %v", jit, err)
	}
	for _, sql := range []string{
		`CREATE TABLE mine (id int)`, `CREATE TEMP TABLE mine (id int)`, `CREATE TABLE public.mine (id int)`, `CREATE SCHEMA mine`,
		`ALTER TABLE step_1 ADD COLUMN x int`, `DROP TABLE step_1`, `TRUNCATE step_1`, `CREATE INDEX ON step_1 (id)`,
		`UPDATE schema_minimum SET minimum = 0`, `DELETE FROM migration_things`, `SELECT * FROM other.nothing`,
		`CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
	} {
		if _, err := d.Pool().Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "42501") {
			t.Errorf("%s: %v, permission denied expected", sql, err)
		}
	}
	if _, err := d.Pool().Exec(t.Context(), `INSERT INTO step_1 VALUES (1)`); err != nil {
		t.Error(err)
	}
}

// Bootstrap again, five at once, changes nothing that stands, not even what a migration took away.
func TestBootstrapAgain(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "maintenance")
	d := openWith(t, pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	role := pgx.Identifier{db.Roles("maintenance").Role}.Sanitize()
	revoke := set(1, func(i int) string { return create(i) + "REVOKE UPDATE, DELETE ON step_1 FROM " + role + ";\n" })
	if err := d.Migrate(t.Context(), revoke); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := pg.Bootstrap(t.Context(), db.AdminURL(), db.Name, []pg.SchemaRoles{db.Roles("maintenance")}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := d.Pool().Exec(t.Context(), `DELETE FROM step_1`); err == nil {
		t.Error("a privilege that a migration revoked is back")
	}
	admin, err := pgx.Connect(t.Context(), db.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	for sql, want := range map[string]bool{
		`SELECT has_table_privilege('maintenance_reader', 'maintenance.step_1', 'SELECT')`:                                                true,
		`SELECT has_table_privilege('maintenance_reader', 'maintenance.step_1', 'INSERT')`:                                                false,
		`SELECT has_database_privilege('maintenance_reader', current_database(), 'CONNECT')`:                                              true,
		`SELECT has_schema_privilege('maintenance_reader', 'maintenance', 'CREATE')`:                                                      false,
		`SELECT EXISTS (SELECT 1 FROM aclexplode((SELECT datacl FROM pg_database WHERE datname = current_database())) WHERE grantee = 0)`: false,
	} {
		var got bool
		if err := admin.QueryRow(t.Context(), sql).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %v, %v", sql, got, err)
		}
	}
}

func TestBootstrapRefusesBadNames(t *testing.T) {
	for _, r := range []pg.SchemaRoles{{Schema: "pg_x", Owner: "a", Role: "b"}, {Schema: "x", Owner: "", Role: "b"}, {Schema: strings.Repeat("x", 64), Owner: "a", Role: "b"}} {
		if err := pg.Bootstrap(t.Context(), "postgres://127.0.0.1:1/x", "x", []pg.SchemaRoles{r}); err == nil || strings.Contains(err.Error(), "connect") {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestOpenNeverShowsThePassword(t *testing.T) {
	for _, url := range []string{"", "x", "postgres://u:hush%zz@h/d", "postgres://u:hu/sh@h/d", "host=h password=hush", "mysql://u:hush@h/d"} {
		for _, s := range []pg.Settings{{URL: url, Schema: "a"}, {URL: "postgres://u:p@h/d", OwnerURL: url, Schema: "a"}} {
			if s.OwnerURL == "" && s.URL != url {
				continue
			}
			d, err := pg.Open(s)
			if err == nil {
				d.Close()
				t.Errorf("%q was accepted", url)
			} else if strings.Contains(err.Error(), "hu") {
				t.Errorf("%v", err)
			}
		}
	}
}

func TestUnreachable(t *testing.T) {
	d := openWith(t, pg.Settings{URL: "postgres://u:hush@127.0.0.1:1/d", Schema: "a"})
	err := d.Migrate(t.Context(), set(1, create))
	if err == nil || strings.Contains(err.Error(), "hush") || !pg.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
	if err := d.InTx(t.Context(), func(pg.Tx) error { return nil }); !pg.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
	if got := d.Ready(t.Context()); got == nil || got.Error() != err.Error() {
		t.Errorf("Ready says %v", got)
	}
}

// TestP7_ConflictsAreTriedAgain: transactions that lock each other out all succeed, each with one effect.
func TestP7_ConflictsAreTriedAgain(t *testing.T) {
	t.Parallel()
	d := open(t, pgtest.New(t, "things"))
	if err := d.Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	tries, fails := 0, 2
	err := d.InTx(t.Context(), func(tx pg.Tx) error {
		tries++
		if _, err := tx.Exec(t.Context(), `INSERT INTO step_1 VALUES ($1)`, tries); err != nil {
			return err
		}
		if tries > fails {
			return nil
		}
		_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`)
		return err
	})
	if err != nil || tries != 3 || number(t, d, `SELECT sum(id) FROM step_1`) != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
	tries, fails = 10, 100
	if err := d.InTx(t.Context(), func(tx pg.Tx) error {
		tries++
		_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$`)
		return err
	}); err == nil || tries != 14 {
		t.Errorf("%d tries, %v", tries-10, err)
	}
	own := errors.New("own")
	if err := d.InTx(t.Context(), func(pg.Tx) error { return own }); !errors.Is(err, own) {
		t.Errorf("got %v", err)
	}
	_, err = d.Pool().Exec(t.Context(), `INSERT INTO step_1 VALUES (3)`)
	if !pg.IsUnique(err) || pg.IsUnavailable(err) {
		t.Errorf("got %v", err)
	}
}

func TestMetricsOfTwoSchemasOnOneRegistry(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	db := pgtest.New(t, "things", "other")
	for _, schema := range []string{"things", "other"} {
		d := openWith(t, pg.Settings{URL: db.URL(schema), OwnerURL: db.OwnerURL(schema), Schema: schema, Registerer: r})
		if err := d.Migrate(t.Context(), set(1, create)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Pool().Exec(t.Context(), `INSERT INTO step_1 VALUES (1)`); err != nil {
			t.Fatal(err)
		}
	}
	for name, min := range map[string]int{
		"db_client_operation_duration_seconds": 4, "db_client_connections": 4, "db_client_connection_max": 2,
		"db_client_connection_pending_requests": 2, "db_client_connection_timeouts_total": 2,
	} {
		if n, err := testutil.GatherAndCount(r, name); err != nil || n < min {
			t.Errorf("%s: %d series, %v", name, n, err)
		}
	}
	if problems, err := testutil.GatherAndLint(r); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if _, err := pg.Open(pg.Settings{URL: db.URL("things"), Schema: "things", Registerer: r}); err == nil {
		t.Error("one schema twice on one registry")
	}
}

// A pool that is busy, to its last connection, does not make the service look dead.
func TestReadyWhileEveryConnectionIsInUse(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "things")
	d := openWith(t, pg.Settings{URL: db.URL("things"), OwnerURL: db.OwnerURL("things"), Schema: "things", MaxConns: 1})
	if err := d.Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	err := d.InTx(t.Context(), func(pg.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return d.Ready(ctx)
	})
	if err != nil {
		t.Error(err)
	}
}
