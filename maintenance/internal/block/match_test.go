package block

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// bits that make hits likely, and those that are easily got wrong: cases that fold to other lengths, JSON's own
// characters, what it escapes.
func bit() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "b", "A", "aB", "Refused", "refused by", "n", "null", "true", "1", "42", "4.20", "1e2", "-", ":", ",", "{", "}", "[", " ", "é", "É", "ß", "ſ",
		"K", "İ", "i", "σ", "Σ", "\"", "\\", "\\n", "u00e9", "u003c", "<", "&", "/", "\n", "\t", "\u2028", "日本", "k", "g.k", ".", "1.5s", "*", "%", "_"})
}

func words(most int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(bit(), 0, most).Draw(t, "bits"), "") })
}

func name() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "k", "g", "g.k", "user_id", "b.c", "é", "<x>", "", "a\"b", "null", "err", "{", ":"})
}

func attr() *rapid.Generator[any] {
	scalar := rapid.OneOf(coded(), coded(), rapid.Map(words(4), func(s string) any { return s }), rapid.SampledFrom([]any{1, 42, 4.2, -1, 1e300, true, false, nil, "42", "1.5s", "2h", json.Number("4.20"), json.Number("1e2")}))
	return rapid.OneOf(scalar, scalar, rapid.Map(rapid.MapOfN(name(), scalar, 0, 3), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(name(), rapid.Map(rapid.MapOfN(name(), scalar, 0, 2), func(m map[string]any) any { return m }), 0, 2), func(m map[string]any) any { return m }))
}

// coded are values that make columns of numbers and digits, when there are enough of them.
func coded() *rapid.Generator[any] {
	return rapid.SampledFrom([]any{0, 7, 42, 43, 100, 4.2, 0.5, -4.25, "dead", "beef", "00ff", "00fe", "abc", "12e", "123", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-4372-a567-0e02b2c3d47a"})
}

// message is of words that come often, and sometimes one that comes again as a whole.
func message() *rapid.Generator[string] {
	return rapid.OneOf(words(6), rapid.SampledFrom([]string{"refused by peer", "a refused by", "connection to peer refused, by b", "Refused  by peer", "user=42, b", "refused by apeer", "refused by a peer", "unrefused, by"}))
}

// alikeObject has a field of one kind, as most have in life.
func alikeObject(t *rapid.T, kind int) []byte {
	one := [][]string{{"7", "42", "43", "100", "99999", "1e2", "100.0"}, {"4.2", "42", "0.5", "-4.25", "100"}, {`"dead"`, `"beef"`, `"00ff"`, `"00fe"`}, {`"abc"`, `"12e"`, `"123"`},
		{`"f47ac10b-58cc-4372-a567-0e02b2c3d479"`, `"f47ac10b-58cc-4372-a567-0e02b2c3d47a"`}}[kind]
	return fmt.Appendf(nil, `{"k":%s,"user_id":%d}`, rapid.SampledFrom(one).Draw(t, "value"), rapid.IntRange(40, 44).Draw(t, "user"))
}

func object(t *rapid.T) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(rapid.Bool().Draw(t, "html"))
	if err := e.Encode(rapid.MapOfN(name(), attr(), 0, 4).Draw(t, "attrs")); err != nil {
		t.Fatal(err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func candidate() *rapid.Generator[*record.Record] {
	return rapid.Custom(func(t *rapid.T) *record.Record {
		some := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
		r := &record.Record{TS: hour().Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "ts")) * 12 * time.Minute), Level: slog.Level(rapid.IntRange(0, 3).Draw(t, "level")),
			Service: "catalogs", Instance: some("instance", "i-1", "i-2"), Logger: some("logger", "catalogs", "catalogs.store", "catalogs.storefront", ""),
			Msg: message().Draw(t, "msg"), Attrs: object(t), TraceID: some("trace", "", "4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f00000000000000000000000000", "00000000000000000000000000000001"),
			SpanID: some("span", "", "00f067aa0ba902b7"), Version: some("version", "", "1.2"), Node: some("node", "", "n")}
		if rapid.Bool().Draw(t, "ledger") {
			r.Epoch, r.Class, r.Seq = "e", "info", rapid.Uint64Range(1, 20).Draw(t, "seq")
		}
		return r
	})
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// term as it is written.
func term() *rapid.Generator[string] {
	value := rapid.OneOf(rapid.Map(words(3), quoted), rapid.SampledFrom([]string{"42", "1", "1.5s", "a*", "*b", "*", "true", "100", "4.2", "re*by", "dead", "00f*", "abc", "123", "12e", "*ea*", "1e2", "4.20", "0.5", "-4.25",
		"f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b58cc4372a5670e02b2c3d479", "*-4372-*", "4*2", "DEAD"}))
	field := rapid.OneOf(rapid.SampledFrom([]string{"msg", "logger", "instance", "version", "node", "service", "class"}), rapid.Map(name(), func(n string) string { return "attr." + n }),
		rapid.Map(name(), quoted))
	return rapid.OneOf(
		rapid.Map(words(3), quoted), rapid.Map(words(3), quoted), bit(), rapid.SampledFrom([]string{"dead", "0f", "58cc-4372", "4372", "12e", "4.2", "-4.", "99", `"by peer"`, `"d by p"`, `"refused by peer"`, `"refused, by"`, "ref*by*eer", "use*42", "4*2", `"=42,"`, `", b"`, "EER"}), rapid.Custom(func(t *rapid.T) string {
			return field.Draw(t, "field") + rapid.SampledFrom([]string{":", "=", "!="}).Draw(t, "op") + value.Draw(t, "value")
		}),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"user_id", "k", "a", "g.k", "seq"}).Draw(t, "field") + rapid.SampledFrom([]string{">", "<=", "<", ">=", "="}).Draw(t, "op") + rapid.SampledFrom([]string{"1", "42", "1s", "3", "4.2", "0.5", "-4.25", "-5", "1e2", "100", "42", "43", "41.5", "99999", "100000", "12e", "123"}).Draw(t, "value")
		}),
		rapid.Custom(func(t *rapid.T) string {
			return rapid.SampledFrom([]string{"msg", "logger", "k", "a", "g.k", "instance", "trace"}).Draw(t, "field") + ":/" + rapid.SampledFrom([]string{"^a", "b$", "[0-9]+", "refus(ed|al)", "a.*b", "store", "é", "ka?", "ea", "^00f", "by peer"}).Draw(t, "pattern") + "/" + rapid.SampledFrom([]string{"", "i"}).Draw(t, "flag")
		}),
		rapid.SampledFrom([]string{"level>=warn", "level:info", "level!=info", "level<2", "logger:catalogs.store", "trace:4bf92", "trace:4bf92f", "trace:4bf92f3577b34da6a3ce929d0e0e4736", "span:00f0", "span:0", "trace:00",
			"trace:*", "seq>=3", "ts>=2026-11-21T13:24:00Z", "ts<2026-11-21T13:30:00Z", "k=*", "g=*", "logger=*", "seq=*", "node=*", "/a.b/", "*a*b*"}),
	)
}

func text2(t *rapid.T, depth int) string {
	n := rapid.IntRange(1, 3).Draw(t, "terms")
	all := make([]string, n)
	for i := range all {
		all[i] = term().Draw(t, "term")
		if depth > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") == 0 {
			all[i] = "(" + text2(t, depth-1) + ")"
		}
		if rapid.IntRange(0, 3).Draw(t, "not") == 0 {
			all[i] = "-" + all[i]
		}
	}
	return strings.Join(all, rapid.SampledFrom([]string{" ", " OR "}).Draw(t, "by"))
}

// trial is a block and questions about it.
type trial struct {
	records []*record.Record
	texts   []string
}

func trials() *rapid.Generator[trial] {
	return rapid.Custom(func(t *rapid.T) (one trial) {
		one.records = rapid.SliceOfN(candidate(), 1, 80).Draw(t, "records")
		if rapid.Bool().Draw(t, "columns") {
			kinds := rapid.IntRange(0, 4).Draw(t, "kinds")
			for _, r := range one.records {
				r.Attrs = alikeObject(t, kinds)
			}
		}
		for range 20 {
			one.texts = append(one.texts, text2(t, 2))
		}
		return one
	})
}

// tally is what trials have held against one another.
type tally struct{ cases, hits, denied, begun, lacked int }

// run holds the matcher over columns, the filter and the needs against the plain meaning of each record.
func (n *tally) run(t interface{ Fatalf(string, ...any) }, one trial) {
	b, filter := built(one.records)
	for _, text := range one.texts {
		e, err := query.Parse(text)
		if err != nil {
			continue
		}
		m := Compile(e, nil)
		got, ok := m.Match(b, Full(b.Records))
		n.begin(t, text, b, m, got)
		denies := !filter.May(query.Require(e))
		if denies {
			n.denied++
		}
		for i := range b.Records {
			r := b.Record(i)
			plain := plainRecord(&r)
			want := query.Match(e, &plain)
			if n.cases++; want {
				n.hits++
			}
			if !ok || got.Has(i) != want {
				t.Fatalf("%s on\n%+v\n%s\nis %v, want %v", text, r, r.Attrs, got.Has(i), want)
			}
			if want && denies {
				t.Fatalf("%s: the filter denies\n%+v\n%s", text, r, r.Attrs)
			}
		}
	}
}

// begin holds what is said of lists alone, where it is said, against what is said of all columns.
func (n *tally) begin(t interface{ Fatalf(string, ...any) }, text string, b *Block, m *Matcher, want Bitmap) {
	if m.First() == m.Columns() {
		return
	}
	got, ok := m.Match(begun(b, m), Full(b.Records))
	if n.begun++; m.Lacks() {
		n.lacked++
		return
	}
	for i := range b.Records {
		if !ok || got.Has(i) != want.Has(i) {
			t.Fatalf("%s on\n%+v\nis %v by its lists, want %v", text, b.Record(i), got.Has(i), want.Has(i))
		}
	}
}

// begun is the block as it is read with the first columns.
func begun(b *Block, m *Matcher) *Block {
	less := b.Apart(&b.Head)
	c := &less.Coded
	less.Has = less.Has&^(Msg|Attrs) | m.First()
	if less.Has&Msg == 0 {
		c.Msg = Codes{}
	}
	if less.Has&Attrs == 0 {
		c.Shape, c.Fields = Codes{}, slices.Clone(c.Fields)
		if !slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Kind == Hex || f.Kind == UUID }) {
			for i := range c.Fields {
				c.Fields[i].Codes = Codes{}
			}
		}
	}
	return less
}

// A matcher over columns says of each record what the plain meaning says of it, and so do the filter and the needs:
// what they deny does not match.
func TestColumnsMatchAsRecordsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { new(tally).run(t, trials().Draw(t, "trial")) })
}

// What is drawn above proves something: of the same hundred trials each time, enough match, and enough do not.
func TestTrialsOfColumnsProveSomething(t *testing.T) {
	t.Parallel()
	var n tally
	for i := range 100 {
		n.run(t, trials().Example(i))
	}
	t.Logf("%d records held against expressions, %d matched, %d blocks were denied; of %d asked by their lists %d lacked something", n.cases, n.hits, n.denied, n.begun, n.lacked)
	if n.cases < 10_000 || n.hits < n.cases/50 || n.denied == 0 || n.lacked == 0 || n.begun-n.lacked < n.begun/20 {
		t.Errorf("that proves little")
	}
}

func plainRecord(r *record.Record) query.Record {
	return query.Record{TS: r.TS, Level: r.Level, Service: r.Service, Instance: r.Instance, Logger: r.Logger, Msg: r.Msg, Attrs: r.Attrs, TraceID: r.TraceID, SpanID: r.SpanID,
		Epoch: r.Epoch, Class: r.Class, Seq: r.Seq, Version: r.Version, Environment: r.Environment, Cluster: r.Cluster, Namespace: r.Namespace, Node: r.Node}
}

func TestAMatcherGivesUp(t *testing.T) {
	t.Parallel()
	var all []*record.Record
	for i := range 1000 {
		all = append(all, &record.Record{TS: hour(), Msg: fmt.Sprint(i)})
	}
	b, _ := Build(all)
	e, err := query.Parse("msg:/^1*$/")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	if _, ok := Compile(e, func() bool { asked++; return true }).Match(b, Full(1000)); ok || asked != 1 {
		t.Errorf("ok=%v after %d questions", ok, asked)
	}
}
