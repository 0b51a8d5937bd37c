package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func corpus() []record.Record {
	at := func(i int) time.Time {
		return time.Now().UTC().Add(-time.Hour + time.Duration(i)*time.Second).Truncate(time.Microsecond)
	}
	one := func(i int, msg string, edit func(*record.Record)) record.Record {
		r := rec(uint64(i))
		r.TS, r.Msg, r.Attrs = at(i), msg, []byte(`{}`)
		edit(&r)
		return r
	}
	return []record.Record{
		one(1, "refused", func(r *record.Record) {
			r.Level, r.Attrs = slog.LevelWarn, []byte(`{"err":"dial: Connection refused","user_id":42}`)
		}),
		one(2, "Connection REFUSED by peer", func(r *record.Record) { r.Level, r.Logger = slog.LevelError, "catalogs.store.rls" }),
		one(3, "done", func(r *record.Record) {
			r.Service, r.Instance, r.Logger = "gateway", "gateway-2", "gateway"
			r.Attrs, r.TraceID = []byte(`{"http":{"status":503,"route":"/x_y"},"http.method":"GET","note":"a<b & c>d "}`), "4bf92f3577b34da6a3ce929d0e0e4736"
		}),
		one(4, "100% of 5_a \"q\" \\ back", func(r *record.Record) { r.Level, r.Logger = slog.LevelDebug, "catalogs.storefront" }),
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, corpus())
	short := map[string]string{"refused": "1", "Connection REFUSED by peer": "2", "done": "3"}
	for text, want := range map[string]string{
		"":                                       "432 1",
		`"connection refused"`:                   "2 1",
		"level>=warn":                            "2 1",
		"level:debug":                            "4",
		"level!=debug":                           "3 2 1",
		"user_id=42":                             "1",
		"user_id=4*":                             "1",
		`user_id="4*"`:                           "",
		"user_id=*":                              "1",
		"user_id!=42":                            "4 3 2",
		"-user_id=42":                            "4 3 2",
		"user_id>41":                             "1",
		"user_id>42":                             "",
		"err>1":                                  "",
		"http.status>=500":                       "3",
		"http.status=503":                        "3",
		"http.method=GET":                        "3",
		"logger:catalogs.store":                  "2 1",
		`logger:"catalogs.store"`:                "1",
		"logger:catalogs.store*":                 "4 2 1",
		"trace:4bf9":                             "3",
		"trace:4BF92F3577B34DA6A3CE929D0E0E4736": "3",
		"-trace:4bf9":                            "4 2 1",
		"service:gateway OR level:warn":          "3 1",
		"-(service:gateway OR level:warn)":       "4 2",
		"100%":                                   "4",
		"5_a":                                    "4",
		"5xa":                                    "",
		"0%of":                                   "",
		`"\"q\" \\\\"`:                           "",
		`"\"q\" \\ b"`:                           "4",
		`"A<b & c>d"`:                            "3",
		"\"d\u2028\"":                            "3",
		"seq>=3":                                 "4 3",
		"msg:ref*peer":                           "2",
		"instance:gateway-*":                     "3",
		"nosuch=1":                               "",
	} {
		var got []string
		for _, m := range search(t, s, text) {
			n, ok := short[m]
			if !ok {
				n = "4"
			}
			got = append(got, n)
		}
		if strings.Join(got, "") != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s: found %v, want %s", text, got, want)
		}
	}
}

func TestPagesMeetWithoutSeam(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := span(1, 97)
	for i := range all {
		all[i].TS = all[0].TS.Add(time.Duration(i/10) * time.Hour / -4) // many of one moment, over several partitions
	}
	write(t, s, all)
	for _, oldest := range []bool{false, true} {
		q, seen := ask(t, ""), map[string]bool{}
		q.Limit, q.Oldest = 10, oldest
		var last time.Time
		for {
			page, err := logs.Page(t.Context(), s, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page.Records {
				if seen[r.Msg] || (!last.IsZero() && r.Key.TS.Before(last) == oldest && !r.Key.TS.Equal(last)) {
					t.Errorf("oldest=%v: %s again or out of order", oldest, r.Msg)
				}
				seen[r.Msg], last = true, r.Key.TS
			}
			if q.After = page.Next; q.After == nil {
				break
			}
		}
		if len(seen) != 97 {
			t.Errorf("oldest=%v: %d of 97", oldest, len(seen))
		}
	}
}

// None asked for is none, and no panic.
func TestAPageOfNothing(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, recs(1, 2, 4))
	for _, limit := range []int{0, -1, math.MinInt} {
		q := ask(t, "")
		q.Limit = limit
		if f, err := logs.Page(t.Context(), s, q); err != nil || len(f.Records) > 0 || f.Next != nil || f.Partial {
			t.Errorf("limit %d: %+v, %v", limit, f, err)
		}
		if tail, err := logs.NewTail(t.Context(), s, q, limit); err != nil {
			t.Errorf("tail with %d: %v", limit, err)
		} else if page, _, err := tail.Next(t.Context()); err != nil || len(page) > 0 {
			t.Errorf("tail with %d: %v, %v", limit, page, err)
		}
	}
}

func TestScopeBoundsTheSearch(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	write(t, s, corpus())
	for want, scope := range map[int]logs.Scope{4: {All: true}, 1: {Services: []string{"gateway", "x"}}, 0: {}} {
		q := ask(t, "")
		q.Scope = scope
		if got, err := logs.Page(t.Context(), s, q); err != nil || len(got.Records) != want {
			t.Errorf("%+v: %d records, want %d (%v)", scope, len(got.Records), want, err)
		}
		q = ask(t, "service:catalogs OR service:gateway")
		q.Scope = scope
		if got, err := logs.Page(t.Context(), s, q); err != nil || len(got.Records) != want {
			t.Errorf("%+v, asked by name: %d records, want %d (%v)", scope, len(got.Records), want, err)
		}
	}
}

func follow(t *testing.T, tail *logs.Tail) (msgs []string) {
	t.Helper()
	for {
		page, full, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page {
			msgs = append(msgs, r.Msg)
		}
		if !full {
			return msgs
		}
	}
}

// A number that was given out early and committed late is the trap of every tail that goes by numbers.
func TestATailMissesNoLateCommit(t *testing.T) {
	t.Parallel()
	a, db := fresh(t)
	b := open(t, db)
	write(t, a, recs(1, 2))
	tail, err := logs.NewTail(t.Context(), a, ask(t, ""), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := follow(t, tail); !slices.Equal(got, []string{"record 2"}) {
		t.Fatalf("backlog %v", got)
	}
	slow, err := b.db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Rollback(context.WithoutCancel(t.Context())) }()
	late := rec(3, func(r *record.Record) { r.Instance = "catalogs-2" })
	if err := put(t, slow, &late); err != nil {
		t.Fatal(err)
	}
	write(t, b, recs(3, 4))
	if got := follow(t, tail); !slices.Equal(got, []string{"record 3", "record 4"}) {
		t.Errorf("before the late commit: %v", got)
	}
	if err := slow.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := follow(t, tail); !slices.Equal(got, []string{"record 3"}) {
		t.Errorf("after the late commit: %v", got)
	}
	if got := follow(t, tail); got != nil {
		t.Errorf("once more: %v", got)
	}
}

func TestATailTakesMoreThanAPage(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	tail, err := logs.NewTail(t.Context(), s, ask(t, "-n=7"), 0)
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, span(1, 1200))
	seen := map[string]bool{}
	for _, m := range follow(t, tail) {
		seen[m] = true
	}
	if len(seen) != 1199 || seen[fmt.Sprint("record ", 7)] {
		t.Errorf("%d records", len(seen))
	}
}

// put stores a record within a transaction that goes on.
func put(t *testing.T, tx pg.Tx, r *record.Record) error {
	t.Helper()
	var res ingest.Result
	fresh, at, err := sift(t.Context(), tx, []record.Record{*r}, 1, &res)
	if err != nil {
		return err
	}
	return copyIn(t.Context(), tx, stock(new(block.Builder), fresh, at))
}
