package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// given is a sidecar's line about records that it gave up.
func given(service, instance string, from, to uint64) record.Record {
	return rec(0, func(r *record.Record) {
		r.Service, r.Instance, r.Epoch, r.Class, r.Logger = service, instance, "", "", service+".logging"
		r.Attrs = []byte(fmt.Sprintf(`{"dropped_epoch":"e1","dropped_class":"info","dropped_from":%d,"dropped_to":%d,"dropped_reason":"spool full"}`, from, to))
	})
}

func TestWhatASidecarGaveUpIsAGapWithItsReason(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 10))
	write(t, s, []record.Record{given("catalogs", "catalogs-1", 4, 6), given("catalogs", "catalogs-1", 15, 17)})
	want := []string{"info 15-17 spool full", "info 2-3 missing", "info 4-6 spool full", "info 7-9 missing"}
	if got := gaps(t, s); !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
	write(t, s, recs(20)) // 15 to 17 are no riddle any more
	write(t, s, []record.Record{given("catalogs", "catalogs-1", 4, 6)})
	want = []string{"info 11-14 missing", "info 15-17 spool full", "info 18-19 missing", "info 2-3 missing", "info 4-6 spool full", "info 7-9 missing"}
	if got := gaps(t, s); !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
	if got := write(t, s, recs(5, 5, 16)); got != 2 {
		t.Errorf("what comes all the same: stored %d, want 2", got)
	}
	if got := write(t, s, span(1, 20)); got != 15 || gaps(t, s) != nil {
		t.Errorf("all: stored %d, gaps %v", got, gaps(t, s))
	}
}

// One thing given up behind another, for another reason: the ledger steps over both, however many there are.
func TestWhatWasGivenUpInPiecesIsSteppedOver(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1))
	for _, from := range []uint64{5, 7, 9} {
		d := given("catalogs", "catalogs-1", from, from+1)
		d.Attrs = []byte(fmt.Sprintf(`{"dropped_epoch":"e1","dropped_class":"info","dropped_from":%d,"dropped_to":%d,"dropped_reason":"%d"}`, from, from+1, from))
		write(t, s, []record.Record{d})
	}
	write(t, s, span(2, 4))
	if got := count(t, s, `SELECT stored_to FROM ledger l JOIN streams t ON t.id = l.stream WHERE epoch = 'e1' AND class = 'info'`); got != 10 {
		t.Errorf("the ledger stands at %d, want 10", got)
	}
	if got, want := gaps(t, s), []string{"info 5-6 5", "info 7-8 7", "info 9-10 9"}; !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
}

// A reason is a word or two: a novel, or what no text of the database holds, is none.
func TestAReasonIsShort(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 10))
	for _, reason := range []string{strings.Repeat("ä", 10_000), `a\u0000b`} {
		d := given("catalogs", "catalogs-1", 4, 6)
		d.Attrs = []byte(strings.Replace(string(d.Attrs), "spool full", reason, 1))
		if write(t, s, []record.Record{d}) != 1 {
			t.Error("not stored")
		}
	}
	if got := count(t, s, `SELECT max(length(cause)) FROM gaps`); got > 256 {
		t.Errorf("a cause of %d characters", got)
	}
	if got := gaps(t, s); len(got) != 3 {
		t.Errorf("gaps %v", got)
	}
}

func TestOnlyAServiceSpeaksForItsRuns(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 10))
	foreign := given("gateway", "catalogs-1", 4, 6)
	logger := given("gateway", "catalogs-1", 4, 6)
	logger.Logger = "catalogs.logging"
	write(t, s, []record.Record{foreign, logger, given("catalogs", "catalogs-1", 6, 4), given("catalogs", "catalogs-1", 0, 4), given("catalogs", "catalogs-1", 2, 1<<63)})
	if got := count(t, s, `SELECT count(*) FROM gaps WHERE service = 'catalogs' AND (from_seq, to_seq, cause) = (2, 9, 'missing')`); got != 1 {
		t.Errorf("gaps %v", gaps(t, s))
	}
	if got := count(t, s, `SELECT count(*) FROM gaps`); got != 2 { // gateway's is in gateway's own run
		t.Errorf("gaps %v", gaps(t, s))
	}
}

// A spool that lay about for long is adopted: its ledger was removed meanwhile, and that is no hole in it.
func TestAnUnknownStreamBeyondTheRetentionBeginsWhereItGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	old := func(r *record.Record) { r.Expired, r.TS = true, time.Now().Add(-5*time.Hour) }
	res, err := s.Write(t.Context(), []record.Record{rec(700, old), rec(701, old), rec(702), rec(705)})
	if err != nil || res.Stored != 2 || res.Expired != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got, want := gaps(t, s), []string{"info 700-701 older than the retention", "info 703-704 missing"}; !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
	if got := write(t, s, recs(702, 704)); got != 1 {
		t.Errorf("again: stored %d, want 1", got)
	}
}

func TestALedgerIsKeptLongerThanWhatItIsAbout(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 5))
	for _, one := range []struct{ ago, left int }{{20, 1}, {30, 0}} {
		if _, err := s.db.Pool().Exec(t.Context(), `UPDATE ledger SET heard_at = now() - make_interval(hours => $1)`, one.ago); err != nil {
			t.Fatal(err)
		}
		if err := s.Forget(t.Context(), time.Now().Add(-12*time.Hour)); err != nil {
			t.Fatal(err)
		}
		ledgers, streams := count(t, s, `SELECT count(*) FROM ledger`), count(t, s, `SELECT count(*) FROM streams`)
		if ledgers != one.left || streams != one.left {
			t.Errorf("unheard for %d h: %d ledgers and %d streams are left, want %d", one.ago, ledgers, streams, one.left)
		}
	}
}
