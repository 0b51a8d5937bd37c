package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// A block that is joined without a filter for its small ones has none: one of the large ones alone would deny what it does not know.
func TestAFilterOfSomeIsNotOneOfAll(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, span(1, 300))
	write(t, s, []record.Record{rec(301, func(r *record.Record) { r.Msg = "qqqxyzzyqqq" })})
	var id int64
	err := s.db.Pool().QueryRow(t.Context(), `SELECT logs_seal(array(SELECT id FROM log_directory ORDER BY id), NULL, true)`).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}
	if got := search(t, s, "xyzzy"); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

// What the directory does not know has no number of records, and would make a block that nobody can read.
func TestBlocksUnknownToTheDirectoryAreNotJoined(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	write(t, s, span(1, 5))
	write(t, s, span(6, 9))
	owner, err := pgx.Connect(t.Context(), db.OwnerURL("maintenance"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(t.Context()) }()
	if _, err := owner.Exec(t.Context(), `DELETE FROM maintenance.log_directory WHERE records = 4`); err != nil {
		t.Fatal(err)
	}
	if exec(t, s, `SELECT logs_seal(array(SELECT id FROM log_blocks_fresh ORDER BY id), NULL, true)`) == nil {
		t.Error("they were joined")
	}
}

// Whoever drops waits for whoever makes the partition, or comes again: what is written there meanwhile stays known.
func TestADropDoesNotPassByAPartitionInTheMaking(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hour := time.Now().UTC().Truncate(time.Hour)
	write(t, s, recs(1))
	tx, err := s.db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), `SELECT logs_partition(1::smallint, $1)`, hour); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Drop(t.Context(), block.Info, hour); !pg.IsUnavailable(err) {
		t.Errorf("it was dropped meanwhile: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if dropped, err := s.Drop(t.Context(), block.Info, hour); err != nil || !dropped || count(t, s, `SELECT count(*) FROM log_directory`) != 0 {
		t.Errorf("%v, %v", dropped, err)
	}
}

// Long records make heavy blocks, which are not joined until nobody can read them.
func TestHeavyBlocksAreNotJoined(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hour := time.Now().UTC().Truncate(time.Hour)
	for n := range 6 {
		all := span(uint64(100*n+1), uint64(100*n+100))
		for i := range all {
			all[i].TS, all[i].Msg = hour, strings.Repeat("long ", 10<<10)
		}
		write(t, s, all)
	}
	for {
		n, err := s.join(t.Context(), shelf{"catalogs", hour.Unix(), block.Info}, true)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if got := count(t, s, `SELECT max(bytes) FROM log_directory`); got > heaviest {
		t.Errorf("a block of %d bytes", got)
	}
	if got := count(t, s, `SELECT count(*) FROM log_directory WHERE tier <> 9`); got != 2 {
		t.Errorf("%d blocks, want 2 of three each", got)
	}
}

// A block that cannot be joined keeps no other service's blocks small.
func TestWhatCannotBeJoinedKeepsNothingBack(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	for n := range uint64(2) {
		for _, service := range []string{"catalogs", "gateway"} {
			write(t, s, []record.Record{rec(n+1, func(r *record.Record) { r.Service = service })})
		}
	}
	owner, err := pgx.Connect(t.Context(), db.OwnerURL("maintenance"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(t.Context()) }()
	if _, err := owner.Exec(t.Context(), `UPDATE maintenance.log_directory SET stored_at = now() - interval '1 hour'; UPDATE maintenance.log_blocks_fresh SET sources = '{}' WHERE service = 'catalogs'`); err != nil {
		t.Fatal(err)
	}
	if from, to, err := s.Seal(t.Context()); err == nil || from != 2 || to != 1 {
		t.Errorf("%d became %d: %v", from, to, err)
	}
}
