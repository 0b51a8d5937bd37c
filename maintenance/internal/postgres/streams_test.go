package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// A stream that is being written while the old ones are removed stays, and so does its ledger: else what came before would be
// stored again.
func TestAStreamThatIsHeldIsNotForgotten(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, span(1, 5))
	if err := exec(t, s, `UPDATE ledger SET heard_at = now() - interval '30 hours'`); err != nil {
		t.Fatal(err)
	}
	streams := []*stream{{Stream: record.Stream{Service: "catalogs", Instance: "catalogs-1", Epoch: "e1", Class: "info"}}}
	err := s.db.InTx(t.Context(), func(tx pg.Tx) error {
		if _, err := lock(t.Context(), tx, streams, 0); err != nil {
			return err
		}
		return errors.Join(s.Forget(t.Context(), time.Now().Add(-12*time.Hour)), save(t.Context(), tx, streams))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := write(t, s, span(1, 6)); got != 1 {
		t.Errorf("stored %d anew, want 1", got)
	}
}

// Whoever has not held a stream, and would save what he has read of it before, changes nothing.
func TestALedgerOfBeforeIsNotSaved(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, span(1, 5))
	read := func() []*stream {
		streams := []*stream{{Stream: record.Stream{Service: "catalogs", Instance: "catalogs-1", Epoch: "e1", Class: "info"}}}
		if err := s.db.InTx(t.Context(), func(tx pg.Tx) error { _, err := lock(t.Context(), tx, streams, 0); return err }); err != nil {
			t.Fatal(err)
		}
		return streams
	}
	old := read()
	write(t, s, span(6, 9))
	if err := s.db.InTx(t.Context(), func(tx pg.Tx) error { return save(t.Context(), tx, old) }); err == nil {
		t.Error("saved")
	}
	if now := read()[0]; now.state.StoredTo != 9 {
		t.Errorf("the ledger stands at %d, want 9", now.state.StoredTo)
	}
}

// Small blocks are joined however many write at once: nobody's are passed over, whoever commits first.
func TestJoiningPassesNobodysBlocksOver(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	const writers, each = 6, 120
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			var err error
			for n := range each {
				_, e := s.Write(t.Context(), []record.Record{rec(uint64(n+1), func(r *record.Record) { r.Epoch = string(rune('a' + w)) })})
				err = errors.Join(err, e)
			}
			failed <- err
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Fatal(err)
		}
	}
	s.joinRipe(t.Context()) // whoever was joining last has left what came meanwhile
	if left := count(t, s, `SELECT count(*) FROM log_directory WHERE tier = 9`); left > 2*ripe {
		t.Errorf("%d small blocks are left of %d", left, writers*each)
	}
	if got := count(t, s, `SELECT sum(records) FROM log_directory`); got != writers*each {
		t.Errorf("%d records, want %d", got, writers*each)
	}
}
