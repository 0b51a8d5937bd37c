package pg_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// things is a migrated schema with a pool of one connection: what one transaction leaves behind, the next one meets.
func things(t *testing.T) *pg.DB {
	t.Helper()
	db := pgtest.New(t, "things")
	d, err := pg.Open(pg.Settings{URL: db.URL("things"), OwnerURL: db.OwnerURL("things"), Schema: "things", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := d.Migrate(t.Context(), set(1, create)); err != nil {
		t.Fatal(err)
	}
	return d
}

// Both parts are committed together, or neither is, whichever fails; and the connection is as good as new.
func TestInTwoIsOneTransaction(t *testing.T) {
	t.Parallel()
	d := things(t)
	const insert, wrong = `INSERT INTO step_1 (id) VALUES ($1)`, `SELECT 1 / ($1 - $1::int)`
	own := errors.New("the caller's own")
	for i, c := range []struct {
		first, second string
		err           error
		rows          int
	}{{insert, insert, nil, 2}, {wrong, insert, nil, 2}, {insert, wrong, nil, 2}, {insert, insert, own, 2}, {insert, insert, nil, 4}} {
		err := d.InTwo(t.Context(), func(b *pgx.Batch) { b.Queue(c.first, 2*i) }, func(b *pgx.Batch) error {
			b.Queue(c.second, 2*i+1)
			return c.err
		})
		if works := c.first == insert && c.second == insert && c.err == nil; works != (err == nil) || !works && c.err != nil && !errors.Is(err, own) {
			t.Errorf("case %d: %v", i, err)
		}
		if got := number(t, d, `SELECT count(*) FROM step_1`); got != c.rows {
			t.Errorf("case %d: %d rows, want %d", i, got, c.rows)
		}
	}
}

// A connection that has died is no reason to fail; that the server has refused what was asked is one to fail at once.
func TestInTwoIsTriedAgainAsInTxIs(t *testing.T) {
	t.Parallel()
	d := things(t)
	tries := 0
	two := func(all ...string) error {
		tries = 0
		return d.InTwo(t.Context(), func(b *pgx.Batch) {
			tries++
			for _, sql := range all {
				b.Queue(sql)
			}
		}, func(*pgx.Batch) error { return nil })
	}
	if err := two(`INSERT INTO step_1 (id) VALUES (1)`); err != nil || tries != 1 {
		t.Fatalf("%d tries: %v", tries, err)
	}
	_, _ = d.Pool().Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
	if err := two(`INSERT INTO step_1 (id) VALUES (2)`); err != nil {
		t.Errorf("after its connection died: %v", err)
	}
	if err := two(`SELECT set_config('statement_timeout', '5ms', true)`, `SELECT pg_sleep(60)`); !pg.IsUnavailable(err) || tries != 1 {
		t.Errorf("what takes too long was tried %d times: %v", tries, err)
	}
	if err := two(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`); err == nil || tries != 4 {
		t.Errorf("a conflict was tried %d times: %v", tries, err)
	}
	if n := number(t, d, `SELECT count(*) FROM step_1`); n != 2 {
		t.Errorf("%d rows", n)
	}
}
