package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func TestPatternsAndWhatIsNew(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now := time.Now().UTC().Truncate(time.Microsecond)
	var all []record.Record
	say := func(ago time.Duration, version, msg string) {
		all = append(all, rec(0, func(r *record.Record) {
			r.TS, r.Msg, r.Version, r.Epoch, r.Class = now.Add(-ago), msg, version, "", ""
		}))
	}
	for i := range 60 {
		say(time.Duration(100-i)*time.Minute, "1.0", fmt.Sprintf("request %d served in %dms", i, i*7))
	}
	say(90*time.Minute, "1.0", "cannot reach 10.0.0.7:5432")
	say(5*time.Minute, "1.1", "cannot reach 10.0.0.9:5432")
	say(4*time.Minute, "1.1", `no record "x17" in 4bf92f35-77b3-4da6-a3ce-929d0e0e4736`)
	write(t, s, all)
	q := ask(t, "")
	p, err := logs.Group(t.Context(), s, q, logs.News{Since: now.Add(-10 * time.Minute)})
	if err != nil || p.Total != 63 || p.Others != 0 || p.Partial {
		t.Fatalf("%+v, %v", p, err)
	}
	var got []string
	for _, one := range p.Patterns {
		got = append(got, fmt.Sprintf("%d %s %v %s", one.Count, one.Template, one.New, one.Last.Sub(one.First).Round(time.Second)))
		if one.Example.ID == 0 || one.Example.Msg == "" || !slices.Equal(one.Services, []string{"catalogs"}) {
			t.Errorf("%+v", one)
		}
	}
	want := []string{"60 request <n> served in <duration> false 59m0s", "2 cannot reach <ip> false 1h25m0s", "1 no record <text> in <uuid> true 0s"}
	if !slices.Equal(got, want) {
		t.Errorf("patterns\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	q.Since = now.Add(-20 * time.Minute) // what is before the span still tells what is new
	if p, err = logs.Group(t.Context(), s, q, logs.News{Since: now.Add(-2 * time.Hour)}); err != nil || p.Total != 2 {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = logs.Group(t.Context(), s, ask(t, ""), logs.News{Version: "1.1"})
	if err != nil || p.Patterns[0].New || p.Patterns[1].New || !p.Patterns[2].New {
		t.Errorf("new in 1.1: %+v, %v", p.Patterns, err)
	}
}

func TestTheRecordsAroundOne(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := span(1, 40)
	for i := range all {
		all[i].TS = all[0].TS.Add(-time.Duration(40-i/4) * time.Second) // four of each moment
		all[i].Instance, all[i].TraceID = fmt.Sprint("catalogs-", i%2), fmt.Sprintf("%032x", 1+i%3)
		all[i].Epoch, all[i].Class, all[i].Seq = "", "", 0
	}
	write(t, s, slices.Clone(all[:20]))
	write(t, s, slices.Clone(all[20:]))
	found, err := logs.Page(t.Context(), s, ask(t, `msg="record 21"`))
	if err != nil || len(found.Records) != 1 {
		t.Fatal(found, err)
	}
	at := found.Records[0].Key
	for same, want := range map[logs.Same]func(r record.Record) bool{
		logs.SameInstance: func(r record.Record) bool { return r.Instance == "catalogs-0" },
		logs.SameService:  func(record.Record) bool { return true },
		logs.SameTrace:    func(r record.Record) bool { return r.TraceID == found.Records[0].TraceID },
	} {
		c, err := logs.Around(t.Context(), s, logs.Scope{All: true}, at, 3, same)
		if err != nil || c.Record.Msg != "record 21" || len(c.Before) != 3 || len(c.After) != 3 {
			t.Fatalf("%s: %+v, %v", same, c, err)
		}
		row := slices.Concat(c.Before, []logs.Stored{c.Record}, c.After)
		for i, r := range row {
			if !want(r.Record) || i > 0 && row[i-1].Key.Compare(r.Key) >= 0 {
				t.Errorf("%s: %d: %s at %v", same, i, r.Msg, r.Key)
			}
		}
		rest, err := logs.Around(t.Context(), s, logs.Scope{All: true}, at, 100, same)
		n := 0
		for _, r := range all {
			if want(r) {
				n++
			}
		}
		if err != nil || len(rest.Before)+len(rest.After)+1 != n {
			t.Errorf("%s: %d before and %d after of %d, %v", same, len(rest.Before), len(rest.After), n, err)
		}
	}
	for _, at := range []logs.Key{{TS: at.TS, ID: at.ID + 1<<40}, {TS: at.TS.Add(time.Microsecond), ID: at.ID}} {
		if _, err := logs.Around(t.Context(), s, logs.Scope{All: true}, at, 3, logs.SameService); !errors.Is(err, logs.ErrUnknown) {
			t.Errorf("%v: %v", at, err)
		}
	}
	if _, err := logs.Around(t.Context(), s, logs.Scope{Services: []string{"gateway"}}, at, 3, logs.SameService); !errors.Is(err, logs.ErrUnknown) {
		t.Errorf("out of scope: %v", err)
	}
}

func TestExportGivesAllInOrder(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	all := span(1, 23_000)
	for i := range all {
		all[i].TS = all[i].TS.Add(-time.Duration(len(all)-i) * 100 * time.Millisecond)
	}
	for part := range slices.Chunk(all, 4000) {
		write(t, s, part)
	}
	write(t, s, span(23_010, 23_020))
	for _, limit := range []int{0, 15_000} {
		q := ask(t, "")
		q.Oldest, q.Limit = true, limit
		next := uint64(1)
		gaps, err := logs.Export(t.Context(), s, q, func(r logs.Stored) error {
			if next == 23_001 {
				next = 23_010
			}
			if r.Seq != next {
				return fmt.Errorf("%d, want %d", r.Seq, next)
			}
			next++
			return nil
		})
		if want := uint64(23_021); err != nil || len(gaps) != 1 || limit == 0 && next != want || limit > 0 && next != 15_001 {
			t.Errorf("up to %d, %d gaps, %v", next, len(gaps), err)
		}
	}
	stop := errors.New("enough")
	if _, err := logs.Export(t.Context(), s, ask(t, ""), func(logs.Stored) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped by %v", err)
	}
}

func TestAnExplanationCountsWhatIsLeft(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for _, service := range []string{"catalogs", "gateway"} {
		lines := loglines.Random(7)
		var all []record.Record
		for i := range 3000 {
			l := lines.Next()
			all = append(all, record.Record{TS: time.Now().UTC().Add(-time.Duration(i%3) * time.Hour), Level: slog.Level(l.Level), Service: service, Instance: "1", Logger: l.Logger, Msg: l.Msg, Attrs: l.Attrs, TraceID: l.TraceID})
		}
		all[5].Msg += " qqqxyzzyqqq"
		write(t, s, all)
	}
	for text, check := range map[string]func(p logs.Plan) bool{
		"":            func(p logs.Plan) bool { return p.Candidates == p.Blocks && p.Records == 6000 && p.Counted },
		"level:error": func(p logs.Plan) bool { return p.OfLevels < p.OfServices && p.Candidates == p.OfLevels && p.Counted },
		"service:gateway level>=info": func(p logs.Plan) bool {
			return p.OfServices == p.InTime/2 && p.OfLevels < p.OfServices && p.OfLevels > 0
		},
		"qqqxyzzyqqq level:info": func(p logs.Plan) bool {
			return p.Asked == p.OfLevels && p.Candidates < p.OfLevels && p.Candidates >= 1 && !p.Counted && len(p.Columns) == 4
		},
		"-service:gateway service:gateway": func(p logs.Plan) bool { return p.OfServices == p.InTime/2 },
		"ts>2040-01-01T00:00:00Z":          func(p logs.Plan) bool { return p.InTime == 0 && p.Candidates == 0 },
	} {
		p, err := logs.Explain(t.Context(), s, ask(t, text))
		if err != nil || !check(p) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}

func TestCostsAreThoseOfTheRecords(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	r := seed.New(t)
	var all []record.Record
	bytes := map[string]int64{}
	for i := range 20_000 {
		x := rec(0, func(x *record.Record) {
			x.Epoch, x.Class = "", ""
			x.TS = x.TS.Add(-time.Duration(i) * 200 * time.Millisecond)
			x.Service = []string{"catalogs", "gateway", "gateway"}[r.IntN(3)]
			x.Msg = []string{"short one " + fmt.Sprint(i), strings.Repeat("a long message without end ", 20) + fmt.Sprint(i)}[r.IntN(2)]
		})
		all = append(all, x)
		bytes[x.Service] += int64(len(x.Logger) + len(x.Msg) + len(x.Attrs) + 3)
	}
	for part := range slices.Chunk(all, 5000) {
		write(t, s, part)
	}
	c, err := logs.Cost(t.Context(), s, ask(t, ""))
	if err != nil || c.Records != 20_000 || len(c.Services) != 2 || c.Services[0].Service != "gateway" || len(c.Templates) != 4 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, one := range c.Services {
		if off := float64(one.Bytes)/float64(bytes[one.Service]) - 1; off < -0.01 || off > 0.01 {
			t.Errorf("%s: %d bytes, they were %d", one.Service, one.Bytes, bytes[one.Service])
		}
	}
	if top := c.Templates[0]; top.Service != "gateway" || !strings.HasPrefix(top.Template, "a long") || top.Records < 5000 || top.Records > 8500 {
		t.Errorf("%+v", top)
	}
}

// Time that runs out makes pages short, and loses nothing. The clock goes on by being asked, so that each run is late at
// the same places.
func TestPagesThatRunOutOfTimeGoOn(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now, tick := time.Now(), logs.Budget
	s.clock = func() time.Time { now = now.Add(tick); return now }
	var all []record.Record
	for i := range 30_000 {
		all = append(all, rec(0, func(r *record.Record) {
			r.Epoch, r.Class = "", ""
			r.TS = r.TS.Add(-time.Duration(i) * 500 * time.Millisecond)
			r.Msg = strings.Repeat("no such thing here ", 10) + fmt.Sprint(i)
		}))
	}
	for part := range slices.Chunk(all, 1500) {
		write(t, s, part)
	}
	for _, oldest := range []bool{false, true} {
		q, seen, partial := ask(t, `msg:/t(h|r).n.*777$/`), map[string]bool{}, 0
		q.Oldest, tick = oldest, logs.Budget
		for {
			f, err := logs.Page(t.Context(), s, q)
			if errors.Is(err, logs.ErrTooSlow) && tick > time.Microsecond {
				tick /= 2
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Partial {
				partial++
			}
			for _, r := range f.Records {
				if seen[r.Msg] {
					t.Errorf("%q again", r.Msg)
				}
				seen[r.Msg] = true
			}
			if q.After = f.Next; q.After == nil {
				break
			}
		}
		if len(seen) != 30 || partial == 0 {
			t.Errorf("oldest=%v: found %d of 30, %d partial pages, %s a look at the clock", oldest, len(seen), partial, tick)
		}
		t.Logf("oldest=%v: %d partial pages, %s a look at the clock", oldest, partial, tick)
	}
}

// A histogram that ran out of time counts nothing of what it has not looked through, and all of what it has.
func TestAHistogramThatRunsOutOfTimeSaysHowFarItIsTrue(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	now, tick := time.Now(), time.Duration(0)
	s.clock = func() time.Time { now = now.Add(tick); return now }
	q := ask(t, "")
	q.Since, q.Until = q.Since.Truncate(time.Hour), q.Until.Truncate(time.Hour)
	var all []record.Record
	for i := range 12_000 {
		all = append(all, rec(0, func(r *record.Record) {
			r.Epoch, r.Class, r.TS = "", "", r.TS.Add(-time.Duration(i)*time.Second)
		}))
	}
	for n := range 24 { // blocks that all span their hours
		var part []record.Record
		for i := n; i < len(all); i += 24 {
			part = append(part, all[i])
		}
		write(t, s, part)
	}
	partial := 0
	for tick = time.Millisecond; tick < 2*logs.Budget; tick = tick * 5 / 4 {
		for _, cut := range []time.Duration{0, 90 * time.Minute} { // blocks of the cut hour are read, the others are not
			q := q
			q.Until = q.Until.Add(-cut)
			h, err := logs.Counts(t.Context(), s, q, time.Minute)
			if errors.Is(err, logs.ErrTooSlow) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if !h.Partial {
				continue
			}
			partial++
			for _, b := range h.Buckets {
				n, want := int64(0), int64(0)
				for _, c := range b.Counts {
					n += c
				}
				for i := range all {
					if ts := all[i].TS; !ts.Before(b.From) && ts.Before(b.From.Add(time.Minute)) && ts.Before(q.Until) {
						want++
					}
				}
				switch end := b.From.Add(time.Minute); {
				case !end.After(h.Since) && n > 0:
					t.Fatalf("%s is before %s, and has %d", b.From, h.Since, n)
				case !b.From.Before(h.Since) && n != want:
					t.Fatalf("%s is behind %s, and has %d of %d", b.From, h.Since, n, want)
				}
			}
		}
	}
	t.Logf("%d histograms ran out of time", partial)
	if partial == 0 {
		t.Error("none ran out of time")
	}
}

// A free place is taken, even by whoever comes when all time is up.
func TestAFreePlaceIsNotBusy(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	for range 100 { // a choice between the place and the time would be by chance
		if err := s.place(t.Context(), -time.Second); err != nil {
			t.Fatal(err)
		}
		<-s.reading
	}
}

// S-7: whatever is asked, an answer or one of our own errors comes, and soon; no error of the database shows.
func TestS7_HostileQueries(t *testing.T) {
	t.Parallel()
	s, _ := fresh(t)
	limit := time.Duration(seed.Runs(1, 5)) * time.Second
	all := span(1, 1500)
	for i := range all {
		all[i].Msg = strings.Repeat("aaaaaaaaab", 200+i%800) // much of what makes patterns slow
		all[i].Attrs = fmt.Appendf(nil, `{"a":"%s","n":%d}`, strings.Repeat("a%_*", 200), i)
	}
	for part := range slices.Chunk(all, 500) {
		write(t, s, part)
	}
	texts := []string{
		strings.Repeat("%", 2000), `"` + strings.Repeat("%_", 1000) + `"`, strings.Repeat("a*", 1000), "x=" + strings.Repeat("*", 2000), "a=" + strings.Repeat("*a", 1000), "a=" + strings.Repeat("a*", 500) + "b",
		`msg:"'; DROP TABLE logs; --"`, `"'\";$1"`, `service:"'||pg_sleep(9)||'"`, "a.b.c.d.e.f=1", `"attr.'"=1`, "level>=-32768", "seq>=1e308", "n>=1e-308", "n>=-1.7e308", strings.Repeat("a ", 60),
		strings.Repeat("-", 60) + "a", `msg:/(a+)+$/`, `msg:/(a|aa)+$/`, `msg:/(a|a?)+$/`, `msg:/(.*a){12}/`, `msg:/([a-zA-Z]+)*$/`, `msg:/^(([a-z])+.)+[A-Z]([a-z])+$/`, `msg:/a{1,100}b{1,100}c/`, `msg:/((a{1,10}){1,10}){1,10}/`,
		`msg:/(x+x+)+y/`, `msg:/.*.*.*.*.*c/`, `a:/(a%_\*)+$/`, `a:/.*.*.*z/`, `msg:/(?i)AAAAAAAAAC/`, `msg:/\pL+\pN/`, `msg:/[^b]{50}/`, `msg:/(?s).{200}z/`, `/a*a*a*a*a*a*c/`, `-msg:/(a|b)*c/ -msg:/(b|a)*d/ -msg:/(a|ab)*e/`,
		"a b c d e f g h i j k l m n o p", `"` + strings.Repeat("a", 4000) + `"`, `"` + strings.Repeat("é", 1500) + `"`, strings.Repeat("(", 15) + "a" + strings.Repeat(")", 15), strings.Repeat("a OR ", 60) + "b",
		"n<1 OR n>1 OR n=1 OR -n=1", "trace:*", "trace:0", "span:" + strings.Repeat("f", 16), `msg:"\u0000"`, "ts>2026-01-01T00:00:00Z ts<2025-01-01T00:00:00Z", "instance:****", "logger:*.*.*.*.*", "seq>0 seq<0", `"` + strings.Repeat(`\\`, 500) + `"`,
		strings.Repeat("*a*b", 300), "msg:*a*a*a*a*a*a*a*a*a*a*a*c*",
	}
	asked, slow, worst := 0, 0, time.Duration(0)
	for _, text := range texts {
		e, err := query.Parse(text)
		if err != nil {
			var bad *query.Error
			if !errors.As(err, &bad) {
				t.Errorf("%.40s: %v", text, err)
			}
			continue
		}
		q := ask(t, "")
		q.Expr, q.Within = e, limit
		start := time.Now()
		for name, err := range map[string]error{"page": second(logs.Page(t.Context(), s, q)), "patterns": second(logs.Group(t.Context(), s, q, logs.News{})), "counts": second(logs.Counts(t.Context(), s, q, time.Second*30))} {
			var raw *pgconn.PgError
			if err != nil && (!errors.Is(err, logs.ErrTooSlow) || errors.As(err, &raw)) {
				t.Errorf("%s of %.40s: %v", name, text, err)
			}
		}
		took := time.Since(start) / 3
		if asked++; took > limit*6/5 {
			slow++
		}
		worst = max(worst, took)
	}
	t.Logf("METRIC hostile_queries_slow=%d limit=0 (%d asked within %s, %d refused by the parser, the worst took %s)", slow, asked, limit, len(texts)-asked, worst.Round(time.Millisecond))
	if len(texts) < 50 {
		t.Errorf("only %d", len(texts))
	}
}

func second[T any](_ T, err error) error { return err }
