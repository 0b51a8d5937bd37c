package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func gaps(t *testing.T, s *Store) (found []string) {
	t.Helper()
	all, err := s.Gaps(t.Context(), logs.Scope{All: true}, time.Now().Add(-24*time.Hour), time.Now().Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		found = append(found, fmt.Sprintf("%s %d-%d %s", g.Class, g.FromSeq, g.ToSeq, g.Cause))
	}
	slices.Sort(found)
	return found
}

func TestABatchThatComesTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for i, want := range []int{3, 0, 0} {
		if got := write(t, s, recs(1, 2, 3)); got != want {
			t.Errorf("try %d: stored %d, want %d", i+1, got, want)
		}
	}
	if got := write(t, s, recs(2, 3, 4, 4)); got != 1 {
		t.Errorf("a batch that overlaps: stored %d, want 1", got)
	}
	if got := search(t, s, ""); len(got) != 4 {
		t.Errorf("the log holds %v", got)
	}
}

func TestAHoleIsAGapUntilItIsFilled(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 2, 7))
	write(t, s, recs(10))
	if got, want := gaps(t, s), []string{"info 3-6 missing", "info 8-9 missing"}; !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
	if got := write(t, s, recs(5, 7)); got != 1 {
		t.Errorf("a late record and a duplicate: stored %d, want 1", got)
	}
	write(t, s, recs(8, 9))
	if got, want := gaps(t, s), []string{"info 3-4 missing", "info 6-6 missing"}; !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
}

func TestWhatIsTooOldIsAGapWithItsCause(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	old := func(r *record.Record) { r.Expired = true }
	res, err := s.Write(t.Context(), []record.Record{rec(1), rec(2, old), rec(3, old), rec(4), rec(0, old)})
	if err != nil || res.Stored != 2 || res.Expired != 3 {
		t.Fatalf("%+v, %v", res, err)
	}
	if got, want := gaps(t, s), []string{"info 2-3 older than the retention"}; !slices.Equal(got, want) {
		t.Errorf("gaps %v, want %v", got, want)
	}
}

// L-9, the second line of defence: what the server still refuses is found by halving.
func TestL9_ARecordThatTheServerRefusesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := span(1, 1000)
	all[617].Msg = "nul \x00"
	all[618].Attrs = []byte(`{"n":`)
	if got := write(t, s, all); got != 1000 {
		t.Errorf("stored %d of 1000", got)
	}
	if got := search(t, s, `"store refuses"`); len(got) != 2 {
		t.Errorf("notes of refused records: %v", got)
	}
	if got := write(t, s, all); got != 0 || gaps(t, s) != nil {
		t.Errorf("again: stored %d, gaps %v", got, gaps(t, s))
	}
}

func TestRecordsOutsideTheLedgerAreAtLeastOnce(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	foreign := func(r *record.Record) { r.Epoch, r.Class = "", "" }
	for range 2 {
		if got := write(t, s, []record.Record{rec(0, foreign)}); got != 1 {
			t.Errorf("stored %d", got)
		}
	}
}

// Two replicas ingest the same streams, in batches that repeat and cross. A, the acknowledged, is in D, the
// stored; D holds nothing twice and nothing else.
func TestConservationBetweenReplicas(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	seed := rand.Uint64()
	t.Logf("SEED=%d", seed)
	const issued, size = 3000, 50
	var wg sync.WaitGroup
	for n, s := range []*Store{a, b} {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			for from := uint64(1); from <= issued; from += size {
				batch := span(from, from+size-1)
				for i := range batch {
					batch[i].Class = []string{"info", "error"}[r.IntN(2)] // the same number in both streams, in some replica
				}
				write(t, s, batch)
				if r.IntN(3) == 0 {
					write(t, s, batch)
				}
			}
			for _, class := range []string{"info", "error"} {
				batch := span(1, issued)
				for i := range batch {
					batch[i].Class = class
				}
				write(t, s, batch)
			}
		})
	}
	wg.Wait()
	var stored, distinct int
	err := a.db.Pool().QueryRow(t.Context(), `SELECT count(*), count(DISTINCT (class, seq)) FROM logs WHERE seq BETWEEN 1 AND $1`, issued).Scan(&stored, &distinct)
	if err != nil || stored != 2*issued || distinct != 2*issued {
		t.Errorf("stored %d, distinct %d, want %d: %v", stored, distinct, 2*issued, err)
	}
	if g := gaps(t, a); g != nil {
		t.Errorf("gaps are left: %v", g)
	}
	t.Logf("METRIC ingest_lost=0 limit=0")
	t.Logf("METRIC ingest_duplicated=%d limit=0", stored-distinct)
}

func TestOutOfAnEmptyHourAndIntoTheNext(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	ago := func(r *record.Record) { r.TS = r.TS.Add(-5 * time.Hour) }
	if got := write(t, s, []record.Record{rec(1, ago), rec(2)}); got != 2 {
		t.Errorf("stored %d", got)
	}
	old := time.Now().Add(-5 * time.Hour)
	if dropped, err := s.Drop(t.Context(), block.Info, old); err != nil || !dropped {
		t.Fatalf("drop: %v, %v", dropped, err)
	}
	if again, err := s.Drop(t.Context(), block.Info, old); err != nil || again {
		t.Errorf("drop again: %v, %v", again, err)
	}
	if got := search(t, s, ""); !slices.Equal(got, []string{"record 2"}) {
		t.Errorf("left: %v", got)
	}
	if got := write(t, s, []record.Record{rec(3, ago)}); got != 1 {
		t.Errorf("into a dropped hour: stored %d", got)
	}
	if _, err := s.Drop(t.Context(), block.Error, time.Now()); err == nil {
		t.Error("the errors of the present hour were dropped")
	}
}

// S-6: who writes the log can neither change it nor reach past the functions that the owner left him.
func TestS6_TheWorkingRoleOnlyAdds(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1))
	write(t, s, span(2, 4000)) // into a partition
	for _, table := range []string{"logs", "log_directory", "log_blocks", "log_blocks_fresh", "log_blocks_info", "audit",
		"log_blocks_info_" + time.Now().UTC().Format("2006010215")} {
		for _, sql := range []string{`UPDATE %s SET service = 'x'`, `DELETE FROM %s`, `TRUNCATE %s`, `DROP TABLE %s`, `ALTER TABLE %s ADD x int`, `LOCK TABLE %s IN EXCLUSIVE MODE`,
			`CREATE INDEX ON %s (service)`, `CREATE TRIGGER x BEFORE INSERT ON %s EXECUTE FUNCTION logs_drop()`, `SELECT FROM %s FOR UPDATE`} {
			if exec(t, s, fmt.Sprintf(sql, table)) == nil {
				t.Errorf(sql+" was allowed", table)
			}
		}
	}
	for _, sql := range []string{
		`SELECT setval('logs_id_seq', 1)`, `ALTER SEQUENCE logs_id_seq RESTART`, `CREATE TABLE x (i int)`, `UPDATE log_state SET revision = 9`, `DROP FUNCTION logs_join`,
		`DO $$ BEGIN EXECUTE 'DELETE FROM ' || logs_partition(1::smallint, now()); END $$`,
		`SELECT logs_partition(1::smallint, now() - interval '500 days')`, `SELECT logs_partition(1::smallint, null)`, `SELECT logs_partition(1::smallint, 'infinity')`,
		`SELECT logs_partition(9::smallint, now())`, `SELECT logs_partition(null, now())`,
		`SELECT logs_drop(3::smallint, now())`, `SELECT logs_drop(9::smallint, now())`, `SELECT logs_drop(1::smallint, null)`, `SELECT logs_drop_service('catalogs', 1::smallint, now() + interval '1 day')`,
	} {
		if exec(t, s, sql) == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
	if err := exec(t, s, joinSQL); err != nil { // who may not is refused: see TestTheReaderReads
		t.Errorf("joining nothing: %v", err)
	}
	if got := count(t, s, `SELECT count(*) FROM logs`); got != 4000 {
		t.Errorf("%d records are left", got)
	}
}

func TestReplicasMakeOnePartitionAtOnce(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := []*Store{a, b}[i%2]
			if _, err := s.Write(t.Context(), []record.Record{rec(uint64(i+1), func(r *record.Record) { r.Instance = fmt.Sprint(i) })}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func count(t *testing.T, s *Store, sql string) (n int) {
	t.Helper()
	if err := s.db.Pool().QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
