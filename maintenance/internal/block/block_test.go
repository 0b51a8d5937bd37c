package block

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func hour() time.Time { return time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC) }

// text without what record.From replaces.
func text() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.OneOf(rapid.String(), rapid.StringN(0, 3, -1), rapid.SampledFrom([]string{"", "\n", "a\nb", "{}", "Ünïcödé ΣΑΣ", "İstanbul K"})).Draw(t, "text")
		return strings.NewReplacer("\x00", "0", Unit, "u").Replace(strings.ToValidUTF8(s, "?"))
	})
}

func value() *rapid.Generator[any] {
	scalar := rapid.OneOf(rapid.Map(text(), func(s string) any { return s }), rapid.Map(rapid.Float64Range(-1e9, 1e9), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Just[any](nil))
	return rapid.OneOf(scalar, rapid.Map(rapid.MapOfN(text(), scalar, 0, 3), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }))
}

func id16(n int) *rapid.Generator[string] {
	return rapid.OneOf(rapid.Just(""), rapid.StringMatching(fmt.Sprintf("[0-9a-e]{%d}f", n-1)))
}

func one() *rapid.Generator[*record.Record] {
	return rapid.Custom(func(t *rapid.T) *record.Record {
		attrs, err := json.Marshal(rapid.MapOfN(text(), value(), 0, 4).Draw(t, "attrs"))
		if err != nil {
			t.Fatal(err)
		}
		r := &record.Record{TS: hour().Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)-1).Draw(t, "ts"))).Truncate(time.Microsecond),
			Level: slog.Level(rapid.IntRange(0, 3).Draw(t, "level")), Service: "catalogs", Instance: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "instance"),
			Logger: text().Draw(t, "logger"), Msg: text().Draw(t, "msg"), Attrs: attrs, TraceID: id16(32).Draw(t, "trace"), SpanID: id16(16).Draw(t, "span"),
			Version: rapid.SampledFrom([]string{"", "1"}).Draw(t, "version"), Node: text().Draw(t, "node")}
		if rapid.Bool().Draw(t, "ledger") {
			r.Epoch, r.Class, r.Seq = "e", "info", rapid.Uint64Range(1, 20).Draw(t, "seq")
		}
		return r
	})
}

func TestABlockGivesBackWhatWasPutIn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(one(), 1, 40).Draw(t, "records")
		var want []record.Record
		for _, r := range all {
			want = append(want, *r)
		}
		b, _ := Build(all)
		b.Store(7, 99, Info)
		slices.SortStableFunc(want, func(x, y record.Record) int { return inOrder(&x, &y) })
		total := int32(0)
		for _, n := range b.Counts {
			total += n
		}
		if b.Records != len(want) || int(total) != len(want) || b.Parts[0].Tx != 99 || b.Newest != 99 {
			t.Fatalf("%+v", b.Head)
		}
		for i := range want {
			got := b.Record(i)
			if string(got.Attrs) != string(want[i].Attrs) {
				t.Fatalf("attributes of %d: %s, want %s", i, got.Attrs, want[i].Attrs)
			}
			got.Attrs, want[i].Attrs = nil, nil
			if fmt.Sprintf("%q", fmt.Sprint(got)) != fmt.Sprintf("%q", fmt.Sprint(want[i])) {
				t.Fatalf("record %d:\n%+v\nwant\n%+v", i, got, want[i])
			}
			if b.RecordID(i) != 7*Most+int64(i) || got.TS.Before(b.From) || got.TS.After(b.To) || got.Level < b.Low || got.Level > b.High {
				t.Fatalf("record %d lies outside %+v", i, b.Head)
			}
		}
	})
}

// A filter never denies what is there.
func TestAFilterHasNoFalseNegatives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(one(), 1, 20).Draw(t, "records")
		b, f := built(all)
		for i := range all {
			var tree map[string]any
			if err := json.Unmarshal(all[i].Attrs, &tree); err != nil {
				t.Fatal(err)
			}
			r := b.Record(i)
			cut := rapid.IntRange(0, len(r.Msg)).Draw(t, "cut")
			if part := r.Msg[cut:]; utf8.ValidString(part) && (!f.MayText(part) || !f.MayText(query.Fold(part))) {
				t.Fatalf("%q is denied", part)
			}
			query.Attrs(r.Attrs, func(a query.Attr) {
				if !f.MayText(a.Key) || !f.MayText(a.Text) {
					t.Fatalf("%q: %q is denied", a.Key, a.Text)
				}
			})
			if raw, err := hex.DecodeString(r.TraceID); r.TraceID != "" && (err != nil || !f.MayTrace(raw)) {
				t.Fatalf("trace %s is denied", r.TraceID)
			}
			mayAll(t, f, "", tree)
		}
	})
}

// built makes a block with a filter, however small it is.
func built(all []*record.Record) (*Block, Filter) {
	var e Builder
	b, _ := e.Build(all)
	return b, e.fill(&Block{Head: b.Head}, all, true)
}

func mayAll(t *rapid.T, f Filter, path string, v any) {
	below := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch v := v.(type) {
	case map[string]any:
		for k, v := range v {
			if path == "" && k == "" {
				continue // a group without a name is no path that can be asked for
			}
			mayAll(t, f, below(k), v)
		}
	case []any:
		for _, v := range v {
			mayAll(t, f, path, v)
		}
	case nil:
	default:
		raw, _ := json.Marshal(v)
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = string(raw)
		}
		if !f.MayPair(path, s) {
			t.Fatalf("%q=%q is denied", path, s)
		}
	}
}

func TestAFilterDeniesMostOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	var all []*record.Record
	for i := range Most {
		all = append(all, &record.Record{TS: hour(), Msg: "m", TraceID: fmt.Sprintf("%032d", i+1), Attrs: fmt.Appendf(nil, `{"user_id":%d,"request":"%016x"}`, i, i)})
	}
	_, f := Build(all)
	pairs, traces := 0, 0
	const strangers = 100_000
	for i := range strangers {
		if f.MayTrace(fmt.Appendf(nil, "%016d", Most+i)) {
			traces++
		}
		if f.MayPair("user_id", fmt.Sprint(Most+i)) {
			pairs++
		}
	}
	t.Logf("%d bytes; %d pairs and %d traces of %d strangers are let in", len(f), pairs, traces, strangers)
	if pairs > strangers*3/100 || traces > strangers/10_000 {
		t.Errorf("that is too many")
	}
	if f.MayText("never") {
		t.Errorf("a word that stands nowhere is let in")
	}
}

func TestWhatNoColumnCanHoldBecomesANote(t *testing.T) {
	t.Parallel()
	for _, attrs := range []string{`{"n":`, `[]`, `1`, `{"a":"\u0000"}`, `{"a":"\ud800"}`, `{"a":1e99999}`, `{"a":01}`, `{"a" 1}`, `{"a":1}}`, `{"a":tru}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{`} {
		r := &record.Record{TS: hour(), Attrs: []byte(attrs), Seq: 4, Epoch: "e", Class: "info"}
		b, _ := Build([]*record.Record{r})
		if got := b.Record(0); got.Msg != "a record that the store refuses" || got.Seq != 4 {
			t.Errorf("%q: %+v", attrs, got)
		}
	}
	for _, msg := range []string{"a\x00b", "a" + Unit, "\xff"} {
		b, _ := Build([]*record.Record{{TS: hour(), Msg: msg}})
		if got := b.Record(0); got.Msg != "a record that the store refuses" {
			t.Errorf("%q: %+v", msg, got)
		}
	}
	for attrs, want := range map[string]string{"": "{}", "{\n\t\"a\": [1, 2]\r\n}": `{"a":[1,2]}`, `{"a": "\ud83d\ude00 \\"}`: `{"a": "\ud83d\ude00 \\"}`} {
		b, _ := Build([]*record.Record{{TS: hour(), Attrs: []byte(attrs)}})
		if got := b.Record(0); string(got.Attrs) != want {
			t.Errorf("%q: %s", attrs, got.Attrs)
		}
	}
}

// A value is found by each of its tokens, however it is written, and wherever in the object it stands.
func TestAFilterKnowsAllTokens(t *testing.T) {
	t.Parallel()
	for attrs, pairs := range map[string][][2]string{
		`{"k":1e2}`:                        {{"k", "100"}, {"k", "1e2"}},
		`{"k":100.0}`:                      {{"k", "100"}, {"k", "100.0"}},
		`{"k":-0}`:                         {{"k", "0"}, {"k", "-0"}},
		`{"k":12345678901234567890}`:       {{"k", "12345678901234567890"}, {"k", "1.2345678901234567e+19"}},
		`{"k":"\u0061b"}`:                  {{"k", "ab"}},
		`{"k":[1,"x",{"l":true}]}`:         {{"k", "1"}, {"k", "x"}, {"k.l", "true"}},
		`{"k":"0a1b","l":"1.5","m":false}`: {{"k", "0a1b"}, {"l", "1.5"}, {"m", "false"}},
	} {
		_, f := built([]*record.Record{{TS: hour(), Attrs: []byte(attrs)}})
		for _, p := range pairs {
			if !f.MayPair(p[0], p[1]) {
				t.Errorf("%s: %s=%s is denied", attrs, p[0], p[1])
			}
		}
		if f.MayPair("k", "something else") {
			t.Errorf("%s: something else is not denied", attrs)
		}
	}
}
