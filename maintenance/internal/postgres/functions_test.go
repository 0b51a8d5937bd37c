package postgres

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// A block that is joined of some with a filter and some without has one for all.
func TestAFilterOfSomeIsNotOneOfAll(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	at := time.Now().UTC().Truncate(time.Hour)
	write(t, s, span(1, 300))
	write(t, s, []record.Record{rec(301, func(r *record.Record) { r.Msg = "qqqxyzzyqqq" })})
	if n, err := s.join(t.Context(), shelf{"catalogs", at.Unix(), block.Info}, true); err != nil || n != 2 {
		t.Fatalf("%d blocks were joined: %v", n, err)
	}
	if got := count(t, s, `SELECT count(*) FROM log_blocks WHERE filter IS NOT NULL AND records = 301`); got != 1 {
		t.Errorf("%d blocks with a filter", got)
	}
	if got := search(t, s, "xyzzy"); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

// forge joins all blocks, of which the caller changes what he likes, and returns what the owner says to that.
func forge(t *testing.T, s *Store, edit func(b *block.Block)) error {
	t.Helper()
	return s.db.InTx(t.Context(), func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT id FROM log_blocks_fresh ORDER BY id`)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		var all []*block.Block
		for _, b := range blocks(t, s) {
			all = append(all, b.Block)
		}
		b, filter := block.Join(all)
		edit(b)
		_, err = replace(t.Context(), tx, ids, b, filter, true)
		return err
	})
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
	if err := forge(t, s, func(*block.Block) {}); err == nil || !strings.Contains(err.Error(), "the directory does not know") {
		t.Errorf("they were joined: %v", err)
	}
}

// S-6: whoever has blocks joined packs their columns, and can change neither when nor at what level anything was said, nor
// by whom, nor how much it was.
func TestS6_WhoeverJoinsForgesNothing(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hour := time.Now().UTC().Truncate(time.Hour)
	for n := range uint64(3) {
		all := span(10*n+1, 10*n+10)
		for i := range all {
			all[i].TS, all[i].Level = hour.Add(time.Duration(100*int(n)+i)*time.Second), []slog.Level{0, 1}[i%2]
		}
		write(t, s, all)
	}
	before := view(t, s)
	flip := func(c *block.Codes) { c.Bytes = slices.Clone(c.Bytes); c.Bytes[len(c.Bytes)/2] ^= 8 }
	for what, edit := range map[string]func(b *block.Block){
		"a time":               func(b *block.Block) { flip(&b.Coded.TS) },
		"all times":            func(b *block.Block) { b.Coded.Base++ },
		"a level":              func(b *block.Block) { flip(&b.Coded.Level) },
		"all levels":           func(b *block.Block) { b.Coded.Levels[0], b.Coded.Levels[1] = b.Coded.Levels[1], b.Coded.Levels[0] },
		"a level that is none": func(b *block.Block) { b.Coded.Levels = b.Coded.Levels[:1] },
		"fewer times":          func(b *block.Block) { b.Coded.TS.Len--; b.Coded.TS.Bytes = b.Coded.TS.Bytes[:b.Coded.TS.Bits()/8+1] },
		"fewer messages":       func(b *block.Block) { b.Coded.Msg = block.Codes{Width: 8, Len: 29, Bytes: make([]byte, 29)} },
		"no messages":          func(b *block.Block) { b.Coded.Msg.Width = 0 },
		"spans of some":        func(b *block.Block) { b.Coded.Span = make([]byte, 8) },
		"traces of no size":    func(b *block.Block) { b.Coded.Traces = make([]byte, 17) },
		"shapes of more":       func(b *block.Block) { b.Coded.Shape = block.Codes{Width: 1, Len: 31, Bytes: make([]byte, 4)} },
	} {
		if err := forge(t, s, edit); err == nil {
			t.Errorf("%s was forged", what)
		}
	}
	if after := view(t, s); !same(before, after) || count(t, s, `SELECT count(*) FROM log_blocks_fresh`) != 3 {
		t.Error("what was refused has changed something")
	}
	// What the joined block says of itself is not asked for.
	if err := forge(t, s, func(b *block.Block) {
		b.Service, b.Records, b.Hour, b.From, b.To, b.Low, b.High, b.Slots, b.Counts = "gateway", 7, hour.Add(-time.Hour), hour, hour, 8, 8, nil, nil
		b.Parts = []block.Part{{Source: block.Source{Instance: "x"}, First: 1, Records: 7, Tx: 1, Seq: 99}}
	}); err != nil {
		t.Fatal(err)
	}
	if after := view(t, s); !same(before, after) || count(t, s, `SELECT count(*) FROM log_directory WHERE records = 30 AND service = 'catalogs' AND low = 0 AND high = 1`) != 1 {
		t.Errorf("%v became %v", before, after)
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
