package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// view reads the whole log by plain SQL, each record as one text, by its id.
func view(t interface{ Fatal(args ...any) }, s *Store) map[int64]string {
	rows, err := s.db.Pool().Query(context.Background(), `SELECT id, ts, level, service, instance, logger, msg, attrs, coalesce(trace_id, ''), coalesce(span_id, ''),
		coalesce(epoch, ''), coalesce(class, ''), coalesce(seq, 0), coalesce(version, ''), tx FROM logs ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[int64]string{}
	for rows.Next() {
		var id, tx int64
		var r record.Record
		var level int16
		var seq int64
		if err := rows.Scan(&id, &r.TS, &level, &r.Service, &r.Instance, &r.Logger, &r.Msg, &r.Attrs, &r.TraceID, &r.SpanID, &r.Epoch, &r.Class, &seq, &r.Version, &tx); err != nil {
			t.Fatal(err)
		}
		if _, twice := all[id]; twice {
			t.Fatal("an id is there twice", id)
		}
		r.Level, r.Seq = slog.Level(level), uint64(seq)
		all[id] = fmt.Sprint(tx, " ", line(r))
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return all
}

func line(r record.Record) string {
	return fmt.Sprintf("%s %d %s %s %q %q %s %s %s %s %s %d %s", r.TS.UTC().Format(time.RFC3339Nano), r.Level, r.Service, r.Instance, r.Logger, r.Msg,
		strings.NewReplacer(" ", "").Replace(string(r.Attrs)), r.TraceID, r.SpanID, r.Epoch, r.Class, r.Seq, r.Version)
}

// blocks reads the whole log block by block, with the filters.
func blocks(t interface{ Fatal(args ...any) }, s *Store) (all []stocked) {
	ctx := context.Background()
	filters := map[int64]block.Filter{}
	err := s.db.InTx(ctx, func(tx pgx.Tx) error {
		all = nil
		heads, err := headsOf(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id, filter FROM log_blocks WHERE filter IS NOT NULL`)
		if err != nil {
			return err
		}
		var id int64
		var filter []byte
		if _, err := pgx.ForEachRow(rows, []any{&id, &filter}, func() error { filters[id] = filter; return nil }); err != nil {
			return err
		}
		blocks, err := readAll(ctx, tx, heads)
		if len(blocks) != len(heads) {
			return fmt.Errorf("of %d blocks %d are there: %w", len(heads), len(blocks), err)
		}
		for _, b := range blocks {
			all = append(all, stocked{b, filters[b.ID]})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func headsOf(ctx context.Context, tx pgx.Tx) (heads []*block.Head, err error) {
	rows, err := tx.Query(ctx, `SELECT `+headColumns+` FROM log_directory ORDER BY id`, inBinary()...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		h, err := headOf(rows.RawValues())
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
	}
	return heads, rows.Err()
}

// decoded is what the blocks hold, as view gives it.
func decoded(t interface{ Fatal(args ...any) }, s *Store) map[int64]string {
	all := map[int64]string{}
	for _, b := range blocks(t, s) {
		for i := range b.Records {
			p, _ := b.PartOf(i)
			r := b.Record(i)
			all[b.RecordID(i)] = fmt.Sprint(p.Tx, " ", line(r))
			if b.filter == nil {
				continue
			}
			trace, err := hex.DecodeString(r.TraceID)
			if !b.filter.MayText(r.Msg) || err != nil || (r.TraceID != "" && !b.filter.MayTrace(trace)) {
				t.Fatal("a filter denies what is there", r)
			}
		}
	}
	return all
}

// same compares what two ways of reading give, where SQL writes JSON in its own way.
func same(a, b map[int64]string) bool {
	if len(a) != len(b) {
		return false
	}
	for id, text := range a {
		if b[id] != text {
			return false
		}
	}
	return true
}

func TestTheViewShowsWhatWasStored(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := []record.Record{
		rec(1, func(r *record.Record) { r.Msg, r.Logger, r.Attrs = "", "", []byte("{}") }),
		rec(2, func(r *record.Record) {
			r.Msg, r.TraceID, r.SpanID = "two\nlines", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
		}),
		rec(0, func(r *record.Record) { r.Epoch, r.Class, r.Level, r.Instance = "", "", slog.LevelError, "x" }),
		rec(9, func(r *record.Record) { r.Level, r.Version = slog.LevelDebug, "1.2" }),
	}
	var want []string
	for _, r := range all {
		want = append(want, line(r))
	}
	write(t, s, all)
	var got []string
	for _, text := range view(t, s) {
		_, text, _ = strings.Cut(text, " ")
		got = append(got, text)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the view shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := decoded(t, s); !same(view(t, s), d) {
		t.Errorf("decoded: %v", d)
	}
}

func TestLogsBetweenLeavesOutWhatIsOutside(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now := time.Now().UTC().Truncate(time.Hour)
	var all []record.Record
	for i := range 12 {
		all = append(all, rec(uint64(i+1), func(r *record.Record) {
			r.TS, r.Service = now.Add(-time.Duration(i)*20*time.Minute), []string{"catalogs", "gateway"}[i%2]
		}))
	}
	write(t, s, all)
	for sql, want := range map[string]int{
		`logs_between($1, $2)`:                           6,
		`logs_between($1, $2, ARRAY['gateway'])`:         3,
		`logs_between($1, $2, ARRAY['gateway', 'x'])`:    3,
		`logs_between($2, $1)`:                           0,
		`logs WHERE hour >= $1 AND ts >= $1 AND ts < $2`: 6,
	} {
		var n int
		if err := s.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM `+sql, now.Add(-2*time.Hour), now).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d records, want %d (%v)", sql, n, want, err)
		}
	}
	rows, err := s.db.Pool().Query(t.Context(), `EXPLAIN SELECT count(*) FROM logs_between('`+now.Add(-2*time.Hour).Format(time.RFC3339)+`', '`+now.Format(time.RFC3339)+`')`)
	if err != nil {
		t.Fatal(err)
	}
	plan := ""
	for rows.Next() {
		var line string
		_ = rows.Scan(&line)
		plan += line + "\n"
	}
	if strings.Contains(plan, "Function Scan on logs_between") {
		t.Errorf("the planner does not look into the function:\n%s", plan)
	}
}

// joinSQL asks to have a block joined that is not there.
const joinSQL = `SELECT maintenance.logs_join('{0}', true, 0, '', '{}', '', '', '', '', '', 0::smallint, '', '', '', '', '', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL)`

// Grafana's role reads rows, and has nothing else to do here.
func TestTheReaderReads(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	write(t, s, span(1, 3))
	admin, err := pgx.Connect(t.Context(), db.AdminURL())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // a test's session
	if _, err := admin.Exec(t.Context(), `SET SESSION AUTHORIZATION maintenance_reader`); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{`maintenance.logs`, `maintenance.logs_between(now() - interval '1 hour', now() + interval '1 hour')`} {
		var n int
		if err := admin.QueryRow(t.Context(), `SELECT count(*) FROM `+from+` WHERE msg LIKE 'record%' AND attrs ->> 'n' > '1'`).Scan(&n); err != nil || n != 2 {
			t.Errorf("%s: %d records, %v", from, n, err)
		}
	}
	for _, sql := range []string{`SELECT maintenance.logs_drop(1::smallint, now())`, `SELECT maintenance.logs_partition(1::smallint, now())`, joinSQL,
		`SELECT maintenance.logs_drop_service('catalogs', 1::smallint, now())`, `INSERT INTO maintenance.log_state VALUES (true, 1)`, `DELETE FROM maintenance.logs`} {
		if _, err := admin.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s was allowed", sql)
		}
	}
}

// However blocks are cut and joined, each record keeps its id and its content, by SQL and by Go, and no filter denies it.
func TestJoiningChangesNothing(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	hour := time.Now().UTC().Truncate(time.Hour)
	rapid.Check(t, func(rt *rapid.T) {
		if _, err := s.db.Pool().Exec(context.Background(), `SELECT logs_drop(t::smallint, $1) FROM generate_series(0, 2) t`, hour); err != nil {
			rt.Fatal(err)
		}
		s.forget()
		service := rapid.StringMatching("[a-z]{8}").Draw(rt, "service")
		seq := uint64(0)
		for range rapid.IntRange(1, 12).Draw(rt, "batches") {
			var all []record.Record
			for range rapid.SampledFrom([]int{1, 2, 30, 300}).Draw(rt, "size") {
				seq++
				all = append(all, rec(seq, func(r *record.Record) {
					r.Service, r.TS = service, hour.Add(time.Duration(seq)*time.Millisecond)
					r.Msg = strings.Repeat("äx\n", int(seq%5)) + fmt.Sprint(seq)
					r.TraceID = []string{"", fmt.Sprintf("%032x", seq)}[seq%2]
					if seq%7 == 0 {
						r.Epoch, r.Class, r.Seq = "", "", 0
					}
				}))
			}
			if _, err := s.Write(context.Background(), all); err != nil {
				rt.Fatal(err)
			}
			if rapid.Bool().Draw(rt, "join") {
				if _, err := s.join(context.Background(), shelf{service, hour.Unix(), block.Info}, rapid.Bool().Draw(rt, "final")); err != nil {
					rt.Fatal(err)
				}
			}
		}
		before := view(rt, s)
		if d := decoded(rt, s); len(before) != int(seq) || !same(before, d) {
			rt.Fatalf("%d records, want %d, as SQL:\n%v\ndecoded:\n%v", len(before), seq, before, d)
		}
		at := shelf{service, hour.Unix(), block.Info}
		for {
			n, err := s.join(context.Background(), at, true)
			if err != nil {
				rt.Fatal(err)
			}
			if n == 0 {
				break
			}
		}
		after := view(rt, s)
		if !same(before, after) || !same(after, decoded(rt, s)) {
			rt.Fatalf("%d records became %d", len(before), len(after))
		}
	})
}

// Replicas that join the same blocks at once join each of them once.
func TestReplicasJoinEachBlockOnce(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	for i := range 60 {
		write(t, a, span(uint64(10*i+1), uint64(10*i+10)))
	}
	at := shelf{"catalogs", time.Now().Unix() / 3600 * 3600, block.Info}
	done := make(chan error, 8)
	for i := range 8 {
		go func() {
			_, err := []*Store{a, b}[i%2].join(context.Background(), at, true)
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := view(t, a); len(got) != 600 || !same(got, decoded(t, a)) {
		t.Errorf("%d records", len(got))
	}
	for _, b := range blocks(t, a) {
		if b.Records == 600 && len(b.Replaces) < 60 {
			t.Errorf("the block that replaces 60 names %d", len(b.Replaces))
		}
	}
}
