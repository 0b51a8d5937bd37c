package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A fire that waits, and that somebody holds just when its turn has come, is let go later all the same.
func TestWhatWaitsIsNotForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 3600)
	s.Misfire, s.Window = timed.MisfireAll, 4*time.Hour
	f.declare(t, s)
	due := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, due)
	term := f.lead(t, "s")
	f.exec(t, `INSERT INTO fires (id, schedule, service, due, until, state, reason, expires_at) VALUES ($1, 'billing.a', 'billing', $2, $2, 'waiting', 'catch-up', now() + interval '1 h')`,
		timed.FireID("billing.a", due.Add(-time.Hour)), due.Add(-time.Hour))
	f.exec(t, `UPDATE schedules SET next_due = now() + interval '1 h', look_at = now() + interval '1 h', release_at = now()`)
	back := errors.New("go back")
	err := f.db.InTx(t.Context(), func(tx pg.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT 1 FROM fires FOR UPDATE`); err != nil {
			return err
		}
		if p := pass(t, term, time.Time{}); p.Released != 0 || !p.NextRelease.IsZero() {
			t.Errorf("let go what somebody holds: %+v", p)
		}
		return back
	})
	if !errors.Is(err, back) {
		t.Fatal(err)
	}
	if _, more, err := term.Expire(t.Context()); err != nil || more {
		t.Fatalf("more %t, %v", more, err)
	}
	if p := pass(t, term, time.Time{}); p.Released != 1 {
		t.Errorf("%+v", p)
	}
	if n := f.number(t, `SELECT count(*) FROM fires WHERE state = $1`, api.Planned); n != 1 {
		t.Errorf("%d fires", n)
	}
}

// Who changes a schedule has it first, and then its fires; the end of fires comes the other way. When the two meet it is not
// the leader's term that ends.
func TestATermOutlivesADeadlock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 3600)
	s.Overlap = timed.OverlapSkip
	id := f.by(t, s)
	f.exec(t, `UPDATE fires SET expires_at = now() - interval '1 s'`)
	term := f.lead(t, "s")
	ended := make(chan error, 1)
	more := false
	f.tx(t, func(tx pg.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT 1 FROM schedules FOR UPDATE`); err != nil {
			return err
		}
		go func() {
			var err error
			_, more, err = term.Expire(t.Context())
			ended <- err
		}()
		wait.For(t, 5*time.Second, "the term to wait for the schedule", func() bool {
			return f.number(t, `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`) > 0
		})
		_, err := tx.Exec(t.Context(), `UPDATE fires SET note = 'edited' WHERE id = $1`, id)
		return err
	})
	if err := <-ended; err != nil || !more {
		t.Errorf("more %t, %v", more, err)
	}
	if n, more, err := term.Expire(t.Context()); err != nil || more || n[api.ReasonBrokerDown] != 1 {
		t.Errorf("%v, more %t, %v", n, more, err)
	}
}
