package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// A row of a prepared transaction is relayed when that is committed at last, whatever was published meanwhile and though the
// server, which was restarted, knows the transaction by another name now.
func TestARowOfAPreparedTransactionIsRelayed(t *testing.T) {
	server := pgtest.Server(t)
	at := pgtest.On(t, server, schema)
	asAdmin(t, at, `ALTER SYSTEM SET max_prepared_transactions = 2`)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := pg.Open(pg.Settings{URL: at.URL(schema), OwnerURL: at.OwnerURL(schema), Schema: schema, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	o := outbox.New(outbox.Settings{DB: db, Bus: taker{}})
	prepare(t, db, "late")
	raise(t, db, o)
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 20*time.Second, "connections of after the restart", func() bool { return db.Pool().Ping(t.Context()) == nil })
	raise(t, db, o)
	asAdmin(t, at, `COMMIT PREPARED 'late'`)
	if n, err := o.Relay(t.Context()); n != 1 || err != nil {
		t.Errorf("relayed %d: %v", n, err)
	}
}

// prepare leaves a transaction prepared that adds an event.
func prepare(t *testing.T, db *pg.DB, name string) {
	t.Helper()
	conn, err := db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	batch := &pgx.Batch{}
	batch.Queue(`BEGIN`)
	batch.Queue(`INSERT INTO outbox (aggregate, exchange, key, event, headers) VALUES ('late', $1, 'catalogs.record.created', $2, '{}')`, bus.Events, encoded(t, "late"))
	if err := conn.SendBatch(t.Context(), batch).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `PREPARE TRANSACTION '`+name+`'`); err != nil {
		t.Fatal(err)
	}
}

func encoded(t *testing.T, id string) []byte {
	t.Helper()
	e := event(id).Event
	e.Source, e.Time = "/catalogs", time.Now()
	text, err := bus.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func asAdmin(t *testing.T, db *pgtest.DB, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// A server that has lost its last commits (a standby that was behind, or a restore) gives their ids out again: what has them then
// is relayed, and in order.
func TestIDsThatAreGivenOutAgainAreRelayed(t *testing.T) {
	server := pgtest.New(t, schema)
	db, err := pg.Open(pg.Settings{URL: server.URL(schema), OwnerURL: server.OwnerURL(schema), Schema: schema, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	o := outbox.New(outbox.Settings{DB: db, Bus: taker{}})
	raise(t, db, o)
	asAdmin(t, server, `DELETE FROM catalogs.outbox WHERE id > 100`)
	asAdmin(t, server, `ALTER TABLE catalogs.outbox ALTER COLUMN id RESTART WITH 101`)
	add(t, db, o, "again", event("again"))
	wait.For(t, 10*time.Second, "the event to be relayed", func() bool {
		n, err := o.Relay(t.Context())
		return err == nil && n == 1
	})
}

// raised is how many rows raise relays.
const raised = 1500

// raise has the floor looked at a few times, and rows relayed meanwhile.
func raise(t *testing.T, db *pg.DB, o *outbox.Outbox) {
	t.Helper()
	const events = 500
	for range raised / events {
		if err := addAll(t.Context(), db, o, entries(0, events)); err != nil {
			t.Fatal(err)
		}
		for done := 0; done < events; {
			n, err := o.Relay(t.Context())
			if done += n; err != nil || n == 0 {
				t.Fatalf("relayed %d of %d: %v", done, events, err)
			}
		}
	}
}
