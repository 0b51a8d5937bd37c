package block

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// bent is a column of codes that nobody packed for this block.
func bent(t *rapid.T, c Codes) Codes {
	switch rapid.IntRange(0, 6).Draw(t, "how") {
	case 0:
		return Codes{}
	case 1:
		return Codes{Width: rapid.IntRange(0, 70).Draw(t, "width"), Len: c.Len, Bytes: c.Bytes}
	case 2:
		return Codes{Width: c.Width, Len: rapid.IntRange(0, 200).Draw(t, "len"), Bytes: c.Bytes}
	case 3:
		raw := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		got, _ := CodesWide(rapid.IntRange(1, 64).Draw(t, "width"), 8*len(raw), raw)
		return got
	case 4:
		raw := rapid.SliceOfN(rapid.Byte(), len(c.Bytes), len(c.Bytes)).Draw(t, "bytes")
		return Codes{c.Width, c.Len, raw}
	}
	return c
}

// otherList is not what was coded, perhaps.
func otherList(t *rapid.T, s string) string {
	return rapid.SampledFrom([]string{s, s, "", Unit, Line, "x", Mark, Mark + "0" + Mark, Mark + "9" + Mark, "{\"a\":" + Mark + "-1" + Mark + "}", "[", "{", "\"", "\"\\", "\xff", `{"a":` + Mark + "0" + Mark, "-", "[1" + Line + "\"\\u" + Line}).Draw(t, "list")
}

// bend makes of a block's columns what the working role may insert as well.
func bend(t *rapid.T, c *Coded) {
	for _, codes := range []*Codes{&c.TS, &c.Level, &c.Logger, &c.Msg, &c.Trace, &c.Shape} {
		*codes = bent(t, *codes)
	}
	for _, s := range []*string{&c.Loggers, &c.Words, &c.Shapes} {
		*s = otherList(t, *s)
	}
	for _, raw := range []*[]byte{&c.Traces, &c.Span} {
		if rapid.Bool().Draw(t, "other") {
			*raw = rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "raw")
		}
	}
	c.Levels = c.Levels[:rapid.IntRange(0, len(c.Levels)).Draw(t, "levels")]
	c.Base = rapid.Int64().Draw(t, "base")
	for i := range c.Fields {
		f := &c.Fields[i]
		f.Codes, f.Values = bent(t, f.Codes), otherList(t, f.Values)
		f.Kind = Kind(rapid.IntRange(-1, 6).Draw(t, "kind"))
		f.Scale, f.Base = rapid.IntRange(-2, 80).Draw(t, "scale"), rapid.Int64().Draw(t, "base")
		f.Name = rapid.SampledFrom([]string{f.Name, "", "a", "k.l", "."}).Draw(t, "name")
	}
	if rapid.Bool().Draw(t, "fewer") {
		c.Fields = c.Fields[:len(c.Fields)/2]
	}
}

// Whatever stands in the columns, reading them does not panic, and what Check lets through has as many records as it says.
func TestForgedColumnsDoNotPanic(t *testing.T) {
	t.Parallel()
	questions := []string{"refused", `"by peer"`, "4*2", "user_id=42", "user_id>3", "k=dead", "k.l=*", "a=*", "a=/b/", "msg:/a/", "logger:catalogs", "trace:4bf9", "span:0", "level>=warn", "ts>=2026-11-21T13:24:00Z", "dead", "seq>1"}
	rapid.Check(t, func(t *rapid.T) {
		one := trials().Draw(t, "trial")
		b, _ := Build(one.records)
		bend(t, &b.Coded)
		_ = b.Check()
		for _, text := range append(questions, one.texts...) {
			if e, err := query.Parse(text); err == nil {
				m := Compile(e, nil)
				m.Match(b.Apart(&b.Head), Full(b.Records))
				m.Match(begun(b, m), Full(b.Records))
			}
		}
		for _, field := range []string{"a", "k", "user_id", "msg", "trace_id", "level", "k.l"} {
			e, err := query.Parse(field + "=*")
			if err != nil {
				t.Fatal(err)
			}
			b.Apart(&b.Head).Values(e.(query.Exists), Full(b.Records), func(int, string) {})
		}
		for i := range b.Records {
			b.Record(i)
		}
		own := b.Apart(&b.Head)
		own.Own()
		if len(own.Msgs()) != b.Records || len(own.AttrTexts()) != b.Records || len(own.Loggers()) != b.Records {
			t.Fatalf("%d messages, want %d", len(own.Msgs()), b.Records)
		}
		if joined, _ := Join([]*Block{b, own}); joined.Records != 2*b.Records {
			t.Fatalf("%d records were joined, want %d", joined.Records, 2*b.Records)
		}
	})
}

// A filter of any length is asked without harm; one that is none denies nothing.
func TestForgedFiltersDoNotPanic(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 7, 8, 63, 64, 65, 100, 4096, MaxFilter, 2 * MaxFilter} {
		f := make(Filter, size)
		denies := !f.MayText("refused") && !f.MayPair("k", "v") && !f.MayTrace(make([]byte, 16))
		if denies != (size >= smallest && size&(size-1) == 0) {
			t.Errorf("%d bytes: %v", size, denies)
		}
	}
}

// FuzzAttributes builds a block of any two objects and gets them back.
func FuzzAttributes(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,{"c":null}]},"a":"x"}`, `{"":"\u001a0\u001a"}`, `{"a":-0.50}`, `{"a":1e5,"b":"00ff"}`, `{"a" : 1 }`, `[1]`, `{"a":01}`, `{"a":"\ud800"}`} {
		f.Add(s, `{"a":2}`)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		all := []*record.Record{{TS: hour(), Attrs: []byte(first)}, {TS: hour(), Attrs: []byte(second)}, {TS: hour(), Attrs: []byte(first)}}
		b, _ := Build(all)
		for i, r := range all {
			got := string(b.Record(i).Attrs)
			if refused := r.Msg != ""; !refused && got != string(r.Attrs) && got != compact(r.Attrs) {
				t.Errorf("%d: %s, want %s", i, got, r.Attrs)
			}
		}
	})
}
