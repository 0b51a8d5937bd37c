package query

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// terms and records share few words, so that much of what is asked is found.
var (
	someWords  = rapid.SampledFrom([]string{"refused", "Conn", "a", "b", "ä", "\u212aonn", "re\u017fused", "42", "4.20e1", "1.5s", "1500ms", "true", "null", "x<y", "or", `q"\`, "/a", "", "e\u2028f", "g\nh"})
	someNames  = rapid.SampledFrom([]string{"a", "b", "a.b", "a.b.a", "took", "user_id", "ä", "service", "odd key", "b\"<"})
	someValues = rapid.SampledFrom([]string{
		"refused", "Conn", "a*", "*", "*b*", "a", `"a"`, `"42"`, "42", "42.0", "4.2e1", "-1", "1.5s", "1500ms", "true", "null", `"x<y"`, "/a", `"q\"\\"`, `""`,
	})
)

// query draws a text of the language, not always a valid one.
func drawQuery(r *rapid.T, depth int) string {
	switch n := rapid.IntRange(0, 13).Draw(r, "node"); {
	case n == 0 && depth > 0:
		return drawQuery(r, depth-1) + " " + drawQuery(r, depth-1)
	case n == 1 && depth > 0:
		return "(" + drawQuery(r, depth-1) + " or " + drawQuery(r, depth-1) + ")"
	case n == 2 && depth > 0:
		return "-(" + drawQuery(r, depth-1) + ")"
	case n == 3 && depth > 0:
		return "NOT " + drawQuery(r, depth-1)
	case n <= 4:
		return quote(someWords.Draw(r, "phrase"))
	case n == 5:
		return rapid.SampledFrom([]string{"ref*d", "*", "conn", "/ref?used/", "/(?i)CONN|b+/", "/[ks]onn/i", "/konn/i", "/resused|refused/i", "/(resused )+/i", "/a(b|c)*d{2}/", "/refused/i"}).Draw(r, "word")
	case n == 6:
		return "msg" + rapid.SampledFrom([]string{":", "=", "!="}).Draw(r, "op") + someValues.Draw(r, "value")
	case n == 7:
		return "level" + rapid.SampledFrom([]string{":", "!=", "<", "<=", ">", ">="}).Draw(r, "op") + rapid.SampledFrom([]string{"debug", "info+1", "warn", "9"}).Draw(r, "level")
	case n == 8:
		return rapid.SampledFrom([]string{"service", "instance", "logger", "epoch", "node"}).Draw(r, "column") + rapid.SampledFrom([]string{":", "!="}).Draw(r, "op") + someValues.Draw(r, "value")
	case n == 9:
		return rapid.SampledFrom([]string{"trace:4b", "trace:" + traceA, "trace!=*", "span:00", "seq>=2", "seq!=3", "ts>=2026-11-21", "ts<2026-11-22", "ts=2026-11-21T12:00:00Z"}).Draw(r, "column")
	case n == 10:
		return drawName(r) + ":(" + someValues.Draw(r, "value") + " or " + someValues.Draw(r, "value") + " /a/)"
	case n == 11:
		return drawName(r) + ":/" + rapid.SampledFrom([]string{"a", "^4", "REF(us)+ed", `\.`}).Draw(r, "regex") + rapid.SampledFrom([]string{"/", "/i"}).Draw(r, "flags")
	default:
		return drawName(r) + rapid.SampledFrom([]string{":", "=", "!=", "<", ">="}).Draw(r, "op") + someValues.Draw(r, "value")
	}
}

func drawName(r *rapid.T) string { return column{someNames.Draw(r, "name"), Attribute}.written() }

const traceA = "4bf92f3577b34da6a3ce929d0e0e4736"

func drawAny(r *rapid.T, depth int) any {
	switch n := rapid.IntRange(0, 8).Draw(r, "kind"); {
	case n == 0 && depth > 0:
		return drawGroup(r, depth-1)
	case n == 1 && depth > 0:
		return []any{drawAny(r, depth-1), drawAny(r, depth-1)}
	case n == 2:
		return rapid.SampledFrom([]any{nil, true, false, 42, -1, 42.5, json.Number("42.0"), json.Number("4.20e1"), json.Number("1e400")}).Draw(r, "other")
	default:
		return someWords.Draw(r, "text")
	}
}

func drawGroup(r *rapid.T, depth int) map[string]any {
	o := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(r, "size") {
		o[someNames.Draw(r, "key")] = drawAny(r, depth)
	}
	return o
}

func drawRecord(r *rapid.T) *Record {
	attrs, err := json.Marshal(drawGroup(r, 3))
	if err != nil {
		r.Fatalf("attributes: %v", err)
	}
	return &Record{
		TS:      time.Date(2026, 11, 21, rapid.SampledFrom([]int{-1, 0, 12, 24}).Draw(r, "hour"), 0, 0, 0, time.UTC),
		Level:   rapid.SampledFrom([]slog.Level{-4, 0, 1, 4, 9}).Draw(r, "level"),
		Service: someWords.Draw(r, "service"), Instance: someWords.Draw(r, "instance"), Logger: rapid.SampledFrom([]string{"a", "a.b", "ab", ""}).Draw(r, "logger"),
		Msg: someWords.Draw(r, "one") + rapid.SampledFrom([]string{" ", ""}).Draw(r, "space") + someWords.Draw(r, "two"), Attrs: attrs,
		TraceID: rapid.SampledFrom([]string{"", traceA, "4b000000000000000000000000000000"}).Draw(r, "trace"),
		Epoch:   someWords.Draw(r, "epoch"), Seq: rapid.Uint64Range(0, 4).Draw(r, "seq"), Node: someWords.Draw(r, "node"),
	}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	found, asked := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		e, err := Parse(drawQuery(r, 3))
		if err != nil {
			return
		}
		readAgain(r, e)
		for range 8 {
			rec := drawRecord(r)
			asked++
			got := Match(e, rec)
			if got {
				found++
				fulfils(r, e, rec, true)
			}
			if Match(Not{e}, rec) == got || Match(And{e, e}, rec) != got || Match(Or{Not{e}, e}, rec) != true {
				r.Fatalf("%s: negation is not negation", String(e))
			}
			if narrow := restrict(rec, Columns(e)); Match(e, narrow) != got {
				r.Fatalf("%s looks at more than its columns: %+v", String(e), rec)
			}
		}
	})
	if found < asked/20 {
		t.Errorf("only %d of %d records were found: the generators say nothing", found, asked)
	}
}

// fulfils demands of a record that was found what Require says of it. canonical: its attributes are encoding/json's.
func fulfils(t fatal, e Expr, r *Record, canonical bool) {
	t.Helper()
	n := Require(e)
	text, attrs := Fold(r.Msg), Fold(string(r.Attrs))
	if n.Nothing() || r.Level < n.MinLevel || r.Level > n.MaxLevel || r.TS.Before(n.Since) || (!n.Until.IsZero() && r.TS.After(n.Until)) ||
		(n.Services != nil && !slices.Contains(n.Services, r.Service)) || (n.Traces != nil && !slices.Contains(n.Traces, r.TraceID)) {
		t.Fatalf("%s needs %+v and finds %+v", String(e), n, r)
	}
	for _, g := range n.Grams {
		if canonical && !strings.Contains(text, g) && !strings.Contains(attrs, g) {
			t.Fatalf("%s needs %q and finds %q %s", String(e), g, r.Msg, r.Attrs)
		}
	}
	for _, name := range n.Names {
		if !anyAttr(r, func(a Attr) bool { return a.Name == name && a.Kind != Null }) {
			t.Fatalf("%s needs the attribute %q and finds %s", String(e), name, r.Attrs)
		}
	}
	for _, p := range n.Pairs {
		if !anyAttr(r, func(a Attr) bool {
			return a.Name == p.Name && slices.ContainsFunc(a.Tokens(), func(s string) bool { return slices.Contains(p.Values, s) })
		}) {
			t.Fatalf("%s needs the pair %q and finds %s", String(e), p, r.Attrs)
		}
	}
}

// restrict is the record with these columns alone.
func restrict(r *Record, c ColumnSet) *Record {
	var n Record
	for column, take := range map[ColumnSet]func(){
		ReadsTime: func() { n.TS = r.TS }, ReadsLevel: func() { n.Level = r.Level }, ReadsService: func() { n.Service = r.Service },
		ReadsInstance: func() { n.Instance = r.Instance }, ReadsLogger: func() { n.Logger = r.Logger }, ReadsMsg: func() { n.Msg = r.Msg },
		ReadsAttrs: func() { n.Attrs = r.Attrs }, ReadsTrace: func() { n.TraceID = r.TraceID }, ReadsSpan: func() { n.SpanID = r.SpanID },
		ReadsEpoch: func() { n.Epoch = r.Epoch }, ReadsSeq: func() { n.Seq = r.Seq }, ReadsNode: func() { n.Node = r.Node },
	} {
		if c&column != 0 {
			take()
		}
	}
	return &n
}

// Pieces of the language in any order: most are refused, the rest is read again as what it was.
func TestWhatIsUnderstoodIsWritten(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"service", "level", "msg", "logger", "trace", "seq", "ts", "attr.", "env", "a", "b.c", "ä", "42", "-1", "1.5s", "warn", "4bf9", "2026-11-21", "*", "a*", `"`, `"x y"`, `"\"\\"`, "'", `\`,
		":", "=", "!=", "<", ">=", "<>", "==", "~", "!", " ", "  ", "\t", "(", ")", " or ", " OR ", " and ", "NOT ", "-", "/", "/x/", "/x y/i", `\/`, "i", "{", "%", "#", "|", "&&", "\u2028", "or", "and", ".",
	})
	read := 0
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 10).Draw(r, "pieces"), "")
		e, err := Parse(text)
		if err != nil {
			_ = err.(*Error).Show(text)
			return
		}
		read++
		readAgain(r, e)
		Match(e, sample())
	})
	if read == 0 {
		t.Error("nothing was understood")
	}
}
