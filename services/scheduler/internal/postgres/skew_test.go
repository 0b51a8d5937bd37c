package postgres_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Replicas take turns to lead, and the clock of one is off by decades: in a synctest bubble it is the first of January
// 2000, while its connection to the server is a real one. What is due is the server's clock's to say: every second is in
// the ledger once, and soon after it was due.
func TestC7_AReplicaWhoseOwnClockIsOffChangesNothing(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t, "scheduler")
	open := func(t *testing.T) fixture {
		db, err := pg.Open(pg.Settings{URL: server.URL("scheduler"), OwnerURL: server.OwnerURL("scheduler"), Schema: "scheduler", MaxConns: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		out := &recorder{}
		return fixture{postgres.New(db, out, "scheduler"), db, out}
	}
	right := open(t)
	if err := right.db.Migrate(t.Context(), postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	right.declare(t, every("a", 1))
	off := time.Duration(0)
	for range 3 {
		right.turn(t)
		synctest.Test(t, func(t *testing.T) {
			wrong := open(t)
			var now time.Time
			if err := wrong.db.Pool().QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&now); err != nil {
				t.Fatal(err)
			}
			off = time.Until(now)
			wrong.turn(t)
		})
	}
	var rows, seconds int
	var early, late float64
	err := right.db.Pool().QueryRow(t.Context(), `SELECT count(*), extract(epoch FROM max(due) - min(due))::int + 1, extract(epoch FROM min(planned_at - due))::float8,
		extract(epoch FROM max(planned_at - due))::float8 FROM fires WHERE schedule = 'billing.a'`).Scan(&rows, &seconds, &early, &late)
	t.Logf("METRIC c7_skewed_duplicated_or_lost=%d limit=0 (%d due times, planned %.3f to %.3f s after; clock off by %s)", seconds-rows, rows, early, late, off)
	if err != nil || rows != seconds || rows < 5 || early < 0 || late > 5 || off < 24*time.Hour {
		t.Errorf("%d rows for %d seconds, planned %.3f to %.3f s after they were due; clock off by %s; %v", rows, seconds, early, late, off, err)
	}
}

// turn is a term of some 1.5 s by the server's clock.
func (f fixture) turn(t *testing.T) {
	t.Helper()
	term, err := f.Campaign(t.Context(), "s")
	for tries := 0; tries < 100 && err == nil && term == nil; tries++ { // the former leader's session is on its way out
		f.exec(t, `SELECT pg_sleep(0.05)`)
		term, err = f.Campaign(t.Context(), "s")
	}
	if err != nil || term == nil {
		t.Fatalf("campaign: %v, %v", term, err)
	}
	for range 5 {
		pass(t, term, time.Time{})
		f.exec(t, `SELECT pg_sleep(0.3)`)
	}
	if err := term.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
