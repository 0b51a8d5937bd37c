package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// mixed makes n records of three services in the last hours, some of one moment.
func mixed(r *rand.Rand, n int, now time.Time) (all []record.Record) {
	for i := range n {
		service := []string{"catalogs", "gateway", "identity"}[r.IntN(3)]
		all = append(all, record.Record{TS: now.Add(-time.Duration(r.IntN(3*3600)) * time.Second).Truncate(time.Second), Level: []slog.Level{-4, 0, 0, 1, 4, 8}[r.IntN(6)],
			Service: service, Instance: fmt.Sprint(service, "-", r.IntN(2)), Logger: service, Msg: fmt.Sprintf("record %d of %s", i, []string{"one", "two", "three"}[r.IntN(3)]),
			Attrs: fmt.Appendf(nil, `{"n":%d,"user":"u%d"}`, i, r.IntN(5)), TraceID: fmt.Sprintf("%032x", 1+r.IntN(50)), Version: []string{"1", "2"}[r.IntN(2)]})
	}
	return all
}

// store writes in batches, joins some of them, and leaves others as they are.
func store(t *testing.T, s *Store, r *rand.Rand, all []record.Record) {
	t.Helper()
	for len(all) > 0 {
		n := min(1+r.IntN(700), len(all))
		write(t, s, slices.Clone(all[:n]))
		all = all[n:]
		if r.IntN(3) == 0 {
			if _, _, err := s.Seal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func plain(r *record.Record) *query.Record {
	return &query.Record{TS: r.TS, Level: r.Level, Service: r.Service, Instance: r.Instance, Logger: r.Logger, Msg: r.Msg, Attrs: r.Attrs, TraceID: r.TraceID, Version: r.Version}
}

func questions() *rapid.Generator[string] {
	term := rapid.SampledFrom([]string{"", "level>=warn", "level:info", "service:gateway", "-service:gateway", "two", "user=u1", "n>=100", "n=7", "version:2", "trace:00000000000000000000000000000007", "instance:catalogs-*", "record", "nowhere",
		"msg:/e$/", `"1 of t"`, "user:*", "n<50 OR level:error", "seq=*"})
	return rapid.Map(rapid.SliceOfN(term, 1, 3), func(all []string) string { return strings.TrimSpace(strings.Join(all, " ")) })
}

// Every answer of the store is the one of a plain look at all records.
func TestAnswersAreThoseOfAPlainLook(t *testing.T) {
	s, _ := fresh(t)
	r, now := seed.New(t), time.Now().UTC()
	all := mixed(r, 4000, now)
	store(t, s, r, all)
	rapid.Check(t, func(t *rapid.T) {
		text := questions().Draw(t, "query")
		e, err := query.Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		q := logs.Query{Expr: e, Scope: logs.Scope{All: true}, Limit: rapid.IntRange(50, 3000).Draw(t, "limit"), Oldest: rapid.Bool().Draw(t, "oldest"),
			Since: now.Add(-time.Duration(rapid.IntRange(0, 4*3600).Draw(t, "since")) * time.Second)}
		q.Until = q.Since.Add(time.Duration(rapid.IntRange(1, 4*3600).Draw(t, "span")) * time.Second)
		if rapid.Bool().Draw(t, "scope") {
			q.Scope = logs.Scope{Services: []string{"catalogs", "identity"}}
		}
		var want []string
		byLevel := map[string]int64{}
		users, total := map[string]int64{}, int64(0)
		width := rapid.SampledFrom([]time.Duration{time.Minute, 7 * time.Second, time.Hour}).Draw(t, "width")
		for i := range all {
			x := &all[i]
			if !x.TS.Before(q.Since) && x.TS.Before(q.Until) && q.Scope.Sees(x.Service) && query.Match(e, plain(x)) {
				want = append(want, x.TS.Format(time.RFC3339)+x.Msg)
				at := x.TS.UnixMicro() / width.Microseconds() * width.Microseconds()
				byLevel[fmt.Sprint(at, x.Level)]++
				users[string(x.Attrs[slices.Index(x.Attrs, 'u')+7:len(x.Attrs)-2])]++
				total++
			}
		}
		checkPages(t, s, q, want)
		checkCounts(t, s, q, width, byLevel, total)
		checkTop(t, s, q, users, total)
	})
}

// Of a question about services alone no column is read: the head has the answer, and that is not always yes.
func TestServicesAreToldByTheHead(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now := time.Now().UTC()
	all := mixed(seed.New(t), 3000, now)
	for i := range all { // blocks that are too large for the memory of small ones
		all[i].TS, all[i].Level = now.Truncate(time.Hour), slog.LevelInfo
	}
	write(t, s, slices.Clone(all))
	for _, text := range []string{"service:gateway", "-service:gateway", "service:g*", "service:gateway -service:gateway", "service:/^c/ OR service:identity", "-service:*"} {
		q, want := ask(t, text), 0
		q.Limit = len(all)
		for i := range all {
			if query.Match(q.Expr, plain(&all[i])) {
				want++
			}
		}
		if f, err := logs.Page(t.Context(), s, q); err != nil || len(f.Records) != want {
			t.Errorf("%s: %d records, want %d: %v", text, len(f.Records), want, err)
		}
	}
}

// Where no filter knows a text blocks are read without their codes at first, and again where that leaves it open: the answers are those
// of a plain look.
func TestTextsThatNoFilterKnows(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now := time.Now().UTC()
	all := mixed(seed.New(t), 6000, now)
	for i := range all { // blocks that are too large for the memory of small ones
		all[i].TS, all[i].Level = now.Truncate(time.Hour), slog.LevelInfo
		if all[i].Service != "identity" {
			all[i].Attrs = fmt.Appendf(nil, `{"n":%d,"user":"u%d","request":"%016x"}`, i, i%5, uint64(i)*0x9e3779b97f4a7c15)
		}
	}
	write(t, s, slices.Clone(all))
	for _, text := range []string{"u1", "-u1", "zq", "-zq", "wo", `"f t"`, `"d 1"`, "or*wo", "e3779b97f4a7c15", "e3779b97f4a7c16", "beef", "-beef", "17", "5999", "re", "n", "us beef", "ow OR beef", "msg:wo", "msg:zq", "-msg:zq", "e9 n>3000", "0 -1",
		"service:identity 77", "beef user=u1", "msg:/e$/ 99"} {
		q, want := ask(t, text), []string(nil)
		q.Limit = len(all)
		for i := range all {
			if query.Match(q.Expr, plain(&all[i])) {
				want = append(want, all[i].Msg)
			}
		}
		f, err := logs.Page(t.Context(), s, q)
		if err != nil {
			t.Fatal(text, err)
		}
		var got []string
		for _, r := range f.Records {
			got = append(got, r.Msg)
			if len(r.Attrs) < 10 || r.Logger == "" {
				t.Fatalf("%s: a record is not whole: %+v", text, r)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d records, want %d", text, len(got), len(want))
		}
	}
}

func checkPages(t *rapid.T, s *Store, q logs.Query, want []string) {
	var got []string
	for pages := 0; ; pages++ {
		f, err := logs.Page(context.Background(), s, q)
		if err != nil || f.Partial || pages > 5000 {
			t.Fatal(f.Partial, err, pages)
		}
		for i, r := range f.Records {
			if i > 0 && (f.Records[i-1].Key.Compare(r.Key) < 0) != q.Oldest {
				t.Fatalf("%v is out of order", r.Key)
			}
			got = append(got, r.Key.TS.Format(time.RFC3339)+r.Msg)
		}
		if q.After = f.Next; q.After == nil {
			break
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
}

func checkCounts(t *rapid.T, s *Store, q logs.Query, width time.Duration, want map[string]int64, total int64) {
	h, err := logs.Counts(context.Background(), s, q, width)
	if err != nil || h.Partial || h.Total != total {
		t.Fatalf("histogram of %d, want %d: %v", h.Total, total, err)
	}
	got := 0
	for _, b := range h.Buckets {
		for level, n := range b.Counts {
			if got++; n != want[fmt.Sprint(b.From.UnixMicro(), level)] {
				t.Fatalf("%s %s: %d, want %d", b.From, level, n, want[fmt.Sprint(b.From.UnixMicro(), level)])
			}
		}
	}
	if got != len(want) {
		t.Fatalf("%d counts, want %d", got, len(want))
	}
}

func checkTop(t *rapid.T, s *Store, q logs.Query, want map[string]int64, total int64) {
	q.Limit, q.After = 10, nil
	top, err := logs.Frequent(context.Background(), s, q, "user")
	if err != nil || top.Total != total || top.Missing != 0 || len(top.Values) != len(want) {
		t.Fatalf("%+v, want %v: %v", top, want, err)
	}
	for _, v := range top.Values {
		if v.Count != want[v.Value] {
			t.Fatalf("%s: %d, want %d", v.Value, v.Count, want[v.Value])
		}
	}
}

// What was there when the first page was read is on one page, once, whatever is stored and joined meanwhile; and the
// two replicas' catalogues agree.
func TestPagesWhileRecordsComeAndBlocksAreJoined(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	r := seed.New(t)
	now := time.Now().UTC()
	before := mixed(r, 3000, now)
	store(t, a, r, before)
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	busy.Go(func() {
		r := rand.New(rand.NewPCG(1, 1))
		for n := 0; ctx.Err() == nil; n++ {
			all := mixed(r, 200, now)
			for i := range all {
				all[i].Msg = "later"
			}
			if _, err := b.Write(ctx, all); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			if _, _, err := b.Seal(ctx); err != nil && ctx.Err() == nil && n%4 == 0 {
				t.Error(err)
			}
		}
	})
	for round := range 6 {
		seen := map[string]int{}
		s := []*Store{a, b}[round%2]
		q := ask(t, "-later")
		q.Limit, q.Oldest = 100, round%3 == 0
		for {
			f, err := logs.Page(t.Context(), s, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range f.Records {
				seen[r.Msg]++
			}
			if q.After = f.Next; q.After == nil {
				break
			}
		}
		for i := range before {
			if seen[before[i].Msg] != 1 {
				t.Fatalf("round %d: %q was seen %d times", round, before[i].Msg, seen[before[i].Msg])
			}
		}
	}
	cancel()
	busy.Wait()
	t.Logf("METRIC pages_skipped=0 limit=0")
}

// L-14 in small: whoever follows on one replica, is cut off at any record and comes again on the other one, gets all that is stored by either
// once, and in the order of each instance.
func TestATailGoesOnWhereItBroke(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	r := seed.New(t)
	write(t, a, span(1, 50))
	q := ask(t, "-canary")
	tail, err := logs.NewTail(t.Context(), a, q, 30)
	if err != nil {
		t.Fatal(err)
	}
	const each = 3000
	var writing sync.WaitGroup
	for n, s := range []*Store{a, b} {
		w := rand.New(rand.NewPCG(r.Uint64(), 1))
		writing.Go(func() {
			for from := uint64(1); from <= each; {
				to := min(from+uint64(w.IntN(120)), each)
				all := span(from, to)
				for i := range all {
					all[i].Instance, all[i].Epoch, all[i].Msg = fmt.Sprint("i", n), "e2", fmt.Sprint("i", n, " ", all[i].Seq)
					all[i].TS = time.Now().UTC().Truncate(time.Microsecond)
				}
				write(t, s, all)
				if w.IntN(10) == 0 {
					if _, _, err := s.Seal(t.Context()); err != nil {
						t.Error(err)
					}
				}
				from = to + 1
			}
		})
	}
	finished := make(chan struct{})
	go func() { writing.Wait(); close(finished) }()
	seen, broken := map[string]int{}, 0
	for last := false; ; {
		page, full, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cut := len(page)
		if cut > 0 && r.IntN(3) == 0 {
			cut = 1 + r.IntN(cut)
			broken++
			if tail, err = logs.Resume([]*Store{a, b}[r.IntN(2)], q, page[cut-1].Resume); err != nil {
				t.Fatal(err)
			}
			full = true
		}
		for _, r := range page[:cut] {
			seen[r.Msg]++
		}
		if last && !full {
			break
		}
		select {
		case <-finished:
			last = !full
		default:
		}
	}
	for n := range 2 {
		for i := 1; i <= each; i++ {
			if m := fmt.Sprint("i", n, " ", i); seen[m] != 1 {
				t.Fatalf("%q was shown %d times", m, seen[m])
			}
		}
	}
	if len(seen) != 2*each+30 {
		t.Errorf("%d records were shown, want %d", len(seen), 2*each+30)
	}
	t.Logf("METRIC tail_missed=0 limit=0 (%d reconnections)", broken)
}

// A catalogue that was kept up to date by what has changed is the one that is read at once.
func TestTheCatalogueIsTheDirectory(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	r := seed.New(t)
	for range 12 {
		store(t, a, r, mixed(r, 800, time.Now().UTC()))
		if r.IntN(2) == 0 {
			search(t, b, "nowhere")
		}
		got := heads(t, b)
		if want := heads(t, open(t, db)); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	}
}

func heads(t *testing.T, s *Store) (ids []int64) {
	t.Helper()
	err := s.bounded(t.Context(), 0, func(tx pgx.Tx) error {
		d, err := s.reader.catalogue.refresh(t.Context(), tx)
		if err != nil {
			return err
		}
		for _, all := range d.hours {
			for _, h := range all {
				if ids = append(ids, h.ID); h.Replaces != nil {
					t.Errorf("block %d still remembers what it replaces", h.ID)
				}
			}
		}
		if len(ids) != d.blocks {
			t.Errorf("%d blocks counted, %d there", d.blocks, len(ids))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}
