package postgres

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// fresh is a store on a database of the test's own.
func fresh(t *testing.T) (*Store, *pgtest.DB) {
	t.Helper()
	db := pgtest.New(t, "maintenance")
	return open(t, db), db
}

// open is one more replica's store.
func open(t *testing.T, db *pgtest.DB) *Store {
	t.Helper()
	d, err := pg.Open(pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := d.Migrate(t.Context(), Migrations()); err != nil {
		t.Fatal(err)
	}
	return New(d)
}

func rec(seq uint64, edit ...func(*record.Record)) record.Record {
	r := record.Record{TS: time.Now().UTC().Truncate(time.Microsecond), Service: "catalogs", Instance: "catalogs-1", Logger: "catalogs.store",
		Msg: fmt.Sprint("record ", seq), Attrs: []byte(fmt.Sprintf(`{"n":%d}`, seq)), Epoch: "e1", Class: "info", Seq: seq}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func recs(seqs ...uint64) (all []record.Record) {
	for _, n := range seqs {
		all = append(all, rec(n))
	}
	return all
}

func span(from, to uint64) (all []record.Record) {
	for n := from; n <= to; n++ {
		all = append(all, rec(n))
	}
	return all
}

func write(t *testing.T, s *Store, all []record.Record) (stored int) {
	t.Helper()
	res, err := s.Write(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	return res.Stored
}

func ask(t *testing.T, text string) logs.Query {
	t.Helper()
	e, err := query.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	return logs.Query{Expr: e, Scope: logs.Scope{All: true}, Since: now.Add(-6 * time.Hour), Until: now.Add(time.Hour), Limit: 1000}
}

func search(t *testing.T, s *Store, text string) (msgs []string) {
	t.Helper()
	found, err := logs.Page(t.Context(), s, ask(t, text))
	if err != nil || found.Partial {
		t.Fatalf("%s: partial=%v, %v", text, found.Partial, err)
	}
	for _, f := range found.Records {
		msgs = append(msgs, f.Msg)
	}
	return msgs
}

func exec(t *testing.T, s *Store, sql string) error {
	t.Helper()
	_, err := s.db.Pool().Exec(context.Background(), sql)
	return err
}
