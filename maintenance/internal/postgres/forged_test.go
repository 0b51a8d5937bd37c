package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// Parts that count back and forth have as many records as the block in the end, and lie outside it on the way.
func TestForgedPartsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		records []int32
		ok      bool
	}{{[]int32{60, 40}, true}, {[]int32{100, 0}, false}, {[]int32{5000, -4900}, false}, {[]int32{-1, 101}, false}, {[]int32{60, 41}, false}} {
		e := &encoder{}
		array(e, oidInt8, []int64{1, 2})
		array(e, oidInt4, c.records)
		array(e, oidInt8, []int64{1, 1})
		array(e, oidInt8, []int64{0, 0})
		text(e, `[{"instance":"a"},{"instance":"b"}]`)
		b := &block.Block{Head: block.Head{Records: 100}}
		if err := decodeParts(b, e.values(), map[string]block.Source{}); c.ok != (err == nil) || err != nil && !errors.Is(err, errLength) {
			t.Errorf("%v: %v", c.records, err)
		}
	}
}

// What is final stays so: a fresh block of its id, which whoever writes the log may add, is not joined in its place.
func TestS6_NothingTakesThePlaceOfAFinalBlock(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, span(1, 5))
	if n, err := s.join(t.Context(), shelf{"catalogs", time.Now().UTC().Truncate(time.Hour).Unix(), block.Info}, true); err != nil || n != 1 {
		t.Fatalf("%d blocks were joined: %v", n, err)
	}
	const names = `hour, service, from_ts, to_ts, records, part_first, part_records, part_tx, part_seq, sources, ` + codedNames
	if err := exec(t, s, `INSERT INTO log_blocks (id, tier, `+names+`) SELECT id, 9, `+names+` FROM log_blocks`); err != nil {
		t.Fatal(err)
	}
	err := exec(t, s, `SELECT logs_join(ARRAY[id], true, `+codedNames+`) FROM log_blocks WHERE tier = 9`)
	if err == nil || !strings.Contains(err.Error(), "the directory does not know") {
		t.Errorf("it was joined: %v", err)
	}
	if got := count(t, s, `SELECT count(*) FROM log_directory d JOIN log_blocks b USING (id, tier) WHERE tier = 1 AND d.records = 5`); got != 1 {
		t.Errorf("%d final blocks", got)
	}
}

// A row of the directory can neither keep the others from being read, nor say of others that they are no more.
func TestS6_TheDirectoryTakesNoForgedRows(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, span(1, 5))
	row := func(records, slots, counts string) string {
		return `INSERT INTO log_directory (newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, slots, counts)
			SELECT newest, tier, class, hour, service, from_ts, to_ts, low, high, ` + records + `, bytes, ` + slots + `, ` + counts + ` FROM log_directory LIMIT 1`
	}
	for what, sql := range map[string]string{
		"no records":            row("0", "slots", "counts"),
		"fewer than none":       row("-1", "slots", "counts"),
		"more than a block has": row("4097", "slots", "counts"),
		"slots without counts":  row("records", "slots", "'{}'::int[]"),
		"a slot that is none":   row("records", "'{NULL}'::int[]", "'{1}'::int[]"),
		"a count that is none":  row("records", "'{1}'::int[]", "'{NULL}'::int[]"),
		"others that it replaces": `INSERT INTO log_directory (newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, slots, counts, replaces)
			SELECT newest, tier, class, hour, service, from_ts, to_ts, low, high, records, bytes, slots, counts, ARRAY[id] FROM log_directory LIMIT 1`,
	} {
		if exec(t, s, sql) == nil {
			t.Errorf("%s: was taken", what)
		}
	}
	if err := exec(t, s, row("1", "'{1}'::int[]", "'{1}'::int[]")); err != nil {
		t.Errorf("one as it should be: %v", err)
	}
}
