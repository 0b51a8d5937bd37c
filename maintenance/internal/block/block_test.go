package block

import (
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
		b, _ := Build(all)
		var f, late Filter
		for _, r := range all {
			if _, ok := storable(r, &f, new(recent), f.addPair); !ok {
				t.Fatalf("%+v is not storable", r)
			}
		}
		late.AddBlock(b)
		for i := range all {
			var tree map[string]any
			if err := json.Unmarshal(all[i].Attrs, &tree); err != nil {
				t.Fatal(err)
			}
			for _, in := range []*Filter{&late, func() *Filter { j := late; j.Join(&f); return &j }()} {
				r := b.Record(i)
				cut := rapid.IntRange(0, len(r.Msg)).Draw(t, "cut")
				if part := r.Msg[cut:]; utf8.ValidString(part) && (!in.MayText(part) || !in.MayText(query.Fold(part))) {
					t.Fatalf("%q is denied", part)
				}
				if !in.MayText(string(r.Attrs)) {
					t.Fatalf("%s is denied", r.Attrs)
				}
				if !in.MayTrace(b.Trace[16*i:16*i+16]) && r.TraceID != "" {
					t.Fatalf("trace %s is denied", r.TraceID)
				}
				mayAll(t, in, "", tree)
			}
		}
	})
}

func mayAll(t *rapid.T, f *Filter, path string, v any) {
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
	var f Filter
	for i := range Most {
		f.AddTrace([]byte(fmt.Sprintf("%016d", i)))
		f.AddPair("user_id", fmt.Sprint(i))
	}
	wrong := 0
	for i := range 10_000 {
		if f.MayTrace([]byte(fmt.Sprintf("%016d", Most+i))) {
			wrong++
		}
		if f.MayPair("user_id", fmt.Sprint(Most+i)) {
			wrong++
		}
	}
	if wrong > 200 { // (2·2·4096 ÷ 2^18)², four in a thousand
		t.Errorf("%d of 20000 strangers are let in", wrong)
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

func TestWhatIsCanonicalIsItsOwnText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[1-9][0-9]{0,18}`), rapid.StringMatching(`[0-9]{1,8}\.[0-9]{1,11}`)).Draw(t, "number")
		n, ok := query.ParseNumber(text)
		if canonical([]byte(text)) && (!ok || n.String() != text) {
			t.Fatalf("%s is %s", text, n)
		}
	})
	for _, text := range []string{"1", "542.527", "999999.123456789", "12345678901234567"} {
		if !canonical([]byte(text)) {
			t.Errorf("%s is not", text)
		}
	}
}
