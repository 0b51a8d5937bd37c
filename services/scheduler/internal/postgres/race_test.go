package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// C-11: edits race with the planner. Whatever the order, a due time of the old timing that was not fired before the edit
// was stored is not fired after it, and after a pause or a deletion nothing is.
func TestC11_AnEditNeverFiresBothTheOldAndTheNewTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	random := seed.New(t)
	term := f.lead(t, "one")
	both, olds, news := 0, 0, 0
	for range seed.Runs(100, 500) {
		old, fresh := edit("billing.a", api.Spec{EverySecs: 3600}), edit("billing.a", api.Spec{Cron: "30 3 * * *"})
		f.put(t, old)
		due := time.Now().UTC().Add(-time.Second).Truncate(time.Second) // the old time, due and not planned
		if _, err := f.db.Pool().Exec(t.Context(), `UPDATE schedules SET next_due = $1, look_at = $1 WHERE name = 'billing.a'`, due); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		head := time.Duration(random.IntN(4)) * time.Millisecond
		wg.Go(func() {
			<-time.After(head)
			for range 3 {
				if _, err := term.Pass(t.Context(), time.Time{}); err != nil {
					t.Error(err)
				}
			}
		})
		var after int
		wg.Go(func() {
			<-time.After(time.Duration(3-min(3, head.Milliseconds())) * time.Millisecond)
			f.put(t, fresh)
			after = f.fired(t, due) // once the edit is stored, the old time has been decided
		})
		wg.Wait()
		total := f.fired(t, due)
		if total != after {
			both++
		}
		if total == 1 {
			olds++
		} else {
			news++
		}
		if n := f.number(t, `SELECT count(*) FROM fires WHERE schedule = 'billing.a' AND due = $1`, due); n != 1 {
			t.Fatalf("%d rows of one due time", n)
		}
		if err := f.Delete(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		if _, err := f.db.Pool().Exec(t.Context(), `DELETE FROM fires`); err != nil {
			t.Fatal(err)
		}
	}
	if both > 0 {
		t.Errorf("%d times the old time was fired after the edit had been stored", both)
	}
	t.Logf("the old time came first %d times, the edit %d times", olds, news)
}

func (f fixture) fired(t *testing.T, due time.Time) int {
	t.Helper()
	return f.number(t, `SELECT count(*) FROM fires WHERE schedule = 'billing.a' AND due = $1 AND state <> 'skipped'`, due)
}

// Of many who edit what they have seen, one gets through.
func TestEditsOfOneRevisionConflict(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	seen := f.put(t, edit("billing.a", api.Spec{Cron: "@daily"})).Schedule.Revision
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			e := edit("billing.a", api.Spec{Cron: "@daily", Attempts: 6 + i}) // none is the default, which would change nothing
			e.Revision = &seen
			_, err := f.Put(t.Context(), e)
			results <- err
		})
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		var conflict *postgres.ConflictError
		switch {
		case err == nil:
			won++
		case !errors.As(err, &conflict) || conflict.Revision != seen+1:
			t.Errorf("%v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d edits got through", won)
	}
}

// A heartbeat notes its declarations in the order of their names, as all do who lock several schedules.
func TestAHeartbeatLocksInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.declare(t, every("b", 60)) // the first row
	f.declare(t, every("b", 60), every("a", 60))
	f.exec(t, `UPDATE schedules SET declared_at = now() - interval '30 s' WHERE name = 'billing.b'`)
	f.exec(t, `UPDATE schedules SET declared_at = now() - interval '30 s' WHERE name = 'billing.a'`)
	declared := make(chan error, 1)
	f.tx(t, func(tx pg.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT 1 FROM schedules WHERE name = 'billing.a' FOR UPDATE`); err != nil {
			return err
		}
		go func() {
			_, err := f.Declare(t.Context(), "billing", []timed.Schedule{every("b", 60), every("a", 60)})
			declared <- err
		}()
		wait.For(t, 5*time.Second, "the heartbeat to wait", func() bool {
			return f.number(t, `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`) > 0
		})
		_, err := tx.Exec(t.Context(), `SELECT 1 FROM schedules WHERE name = 'billing.b' FOR UPDATE NOWAIT`)
		return err
	})
	if err := <-declared; err != nil {
		t.Error(err)
	}
}

// A declaration that waits long for another one's end makes its schedules when it gets to them: between created_at and the
// first due time there is no other, for who holds the ledger against it.
func TestAScheduleIsMadeWhenItsDueTimesBegin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	declared := make(chan error, 1)
	f.tx(t, func(tx pg.Tx) error {
		_, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtextextended('declare/' || current_schema() || '/billing', 0))`)
		if err != nil {
			return err
		}
		go func() {
			_, err := f.Declare(t.Context(), "billing", []timed.Schedule{every("a", 1)})
			declared <- err
		}()
		wait.For(t, 20*time.Second, "the declaration to wait for more than a due time", func() bool {
			return f.number(t, `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()
				AND a.xact_start < clock_timestamp() - interval '1.1 s'`) > 0
		})
		return nil
	})
	if err := <-declared; err != nil {
		t.Fatal(err)
	}
	if n := f.number(t, `SELECT count(*) FROM schedules WHERE name = 'billing.a' AND next_due > created_at AND next_due - created_at <= interval '1 s'`); n != 1 {
		t.Error("the schedule had due times before its first one")
	}
}
