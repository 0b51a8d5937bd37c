package block

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// same holds a block against the records that it was made of.
func same(t interface{ Fatalf(string, ...any) }, b *Block, want []record.Record) {
	if err := b.Check(); err != nil {
		t.Fatalf("%v", err)
	}
	msgs, attrs, loggers := b.Msgs(), b.AttrTexts(), b.Loggers()
	for i, w := range want {
		r := b.Record(i)
		if r.Msg != w.Msg || msgs[i] != w.Msg {
			t.Fatalf("message %d: %q and %q, want %q", i, r.Msg, msgs[i], w.Msg)
		}
		if !bytes.Equal(r.Attrs, w.Attrs) || attrs[i] != string(w.Attrs) {
			t.Fatalf("attributes %d: %s and %s, want %s", i, r.Attrs, attrs[i], w.Attrs)
		}
		if !r.TS.Equal(w.TS) || r.Level != w.Level || r.Logger != w.Logger || loggers[i] != w.Logger || r.TraceID != w.TraceID || r.SpanID != w.SpanID {
			t.Fatalf("record %d: %+v, want %+v", i, r, w)
		}
	}
}

// compact is an object on one line; {} for none.
func compact(object []byte) string {
	var line bytes.Buffer
	if len(object) == 0 || json.Compact(&line, object) != nil {
		return "{}"
	}
	return line.String()
}

func copies(all []*record.Record) (copied []record.Record) {
	for _, r := range all {
		copied = append(copied, *r)
	}
	return copied
}

// Whatever objects and numbers come, each comes back byte by byte, decoded one by one or all at once.
func TestAttributesComeBackByteByByte(t *testing.T) {
	t.Parallel()
	var e Builder // with the buffers of one block after the other
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.OneOf(alike(), rapid.SliceOfN(rapid.Map(literalObject(3), func(s string) *record.Record { return &record.Record{TS: hour(), Attrs: []byte(s)} }), 1, 40)).Draw(t, "records")
		b, _ := e.Build(all)
		same(t, b, copies(all))
		if all[0].Msg == "a record that the store refuses" {
			t.Fatalf("refused: %s", all[0].Attrs)
		}
	})
}

// What was joined is what would have been made of the records at once; ids, transactions and sequences stay.
func TestJoinedBlocksAreOneBlock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var blocks []*Block
		var rows []record.Record
		var ids []int64
		for i := range rapid.IntRange(1, 4).Draw(t, "blocks") {
			all := rapid.OneOf(alike(), rapid.SliceOfN(one(), 1, 20)).Draw(t, "records")
			b, _ := Build(all)
			b.Store(int64(i+3), uint64(90+i), Fresh)
			blocks, rows = append(blocks, b), append(rows, copies(all)...)
			for i := range all {
				ids = append(ids, b.RecordID(i))
			}
		}
		joined, filter := Join(blocks)
		same(t, joined, rows)
		if (filter != nil) != (len(rows) >= Filtered) || joined.Records != len(rows) {
			t.Fatalf("filter of %d bytes of %d records", len(filter), joined.Records)
		}
		for i := range rows {
			if r := joined.Record(i); joined.RecordID(i) != ids[i] || r.Seq != rows[i].Seq || SourceOf(&r) != SourceOf(&rows[i]) {
				t.Fatalf("record %d is %d: %+v, want %d: %+v", i, joined.RecordID(i), r, ids[i], rows[i])
			}
		}
		at := 0
		for _, b := range blocks {
			if p, _ := joined.PartOf(at); p.Tx != b.Tx {
				t.Fatalf("transaction %d, want %d", p.Tx, b.Tx)
			}
			at += b.Records
		}
		alone, _ := new(Builder).again(rows)
		if !reflect.DeepEqual(alone.Coded, joined.Coded) || !reflect.DeepEqual(alone.Counts, joined.Counts) || alone.Bytes != joined.Bytes || !alone.To.Equal(joined.To) {
			t.Fatalf("%+v\nwant\n%+v", joined.Coded, alone.Coded)
		}
	})
}

// again makes a block of records in the order in which they are.
func (e *Builder) again(rows []record.Record) (*Block, Filter) {
	b := &Block{}
	b.Hour, b.Class = rows[0].TS.UTC().Truncate(time.Hour), TierOf(rows[0].Level)
	var all []*record.Record
	for i := range rows {
		all = append(all, &rows[i])
	}
	b.parts(all)
	return b, e.fill(b, all, len(all) >= Filtered)
}

// Beyond every bound nothing is lost: shapes, fields, words, edges, long messages.
func TestNothingIsLostBeyondTheBounds(t *testing.T) {
	t.Parallel()
	var shapes, words, long, deep []*record.Record
	for i := range Most {
		at := hour().Add(time.Duration(i) * time.Microsecond)
		shapes = append(shapes, &record.Record{TS: at, Attrs: fmt.Appendf(nil, `{"key_%d":%d,"a":{"b":"%d"}}`, i/2, i, i)})
		words = append(words, &record.Record{TS: at, Msg: strings.Repeat(fmt.Sprintf("w%d x%d ", i, -i), 12) + fmt.Sprint(i*1000, i*1001, i*1002, i*1003, i*1004, i*1005, i*1006, i*1007, i*1008, i*1009, i*1010, i*1011, i*1012, i*1013, i*1014, i*1015, i*1016, i*1017, i*1018)})
	}
	for i := range 40 {
		long = append(long, &record.Record{TS: hour(), Msg: strings.Repeat("é", 1<<14+i) + strings.Repeat(" -", 1<<13), Attrs: []byte(`{"a":"` + strings.Repeat("x", 1<<16) + `"}`)})
		nested := strings.Repeat(`{"g":`, 30) + fmt.Sprintf("[%d,{\"x\":%d}]", i, i) + strings.Repeat("}", 30)
		deep = append(deep, &record.Record{TS: hour(), Attrs: []byte(nested)})
	}
	for name, all := range map[string][]*record.Record{"shapes": shapes, "words": words, "long": long, "deep": deep} {
		for _, r := range all {
			if r.Attrs == nil {
				r.Attrs = []byte("{}")
			}
		}
		b, _ := Build(all)
		same(t, b, copies(all))
		t.Logf("%s: %d shapes, %d fields, %d words", name, strings.Count(b.Coded.Shapes, Unit)+1, len(b.Coded.Fields), strings.Count(b.Coded.Words, Unit)+1)
		if len(b.Coded.Fields) > mostFields || strings.Count(b.Coded.Shapes, Unit) >= mostShapes {
			t.Errorf("too many")
		}
	}
}

// Lines as services write them take a fraction of their bytes.
func TestLinesGrowSmall(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]*loglines.Source{"random": loglines.Random(1), "template": loglines.Template(1)} {
		all := lines(source, Most)
		b, f := Build(all)
		same(t, b, copies(all))
		t.Logf("METRIC block_%s_bytes=%.1f limit=%d", name, float64(b.Coded.size()+len(f))/Most, map[string]int{"random": 100, "template": 60}[name])
	}
}

func lines(source *loglines.Source, n int) (all []*record.Record) {
	for i := range n {
		l := source.Next()
		all = append(all, &record.Record{TS: hour().Add(time.Duration(i) * time.Millisecond), Level: slog.Level(l.Level), Service: "catalogs", Instance: "catalogs-1",
			Logger: l.Logger, Msg: l.Msg, Attrs: l.Attrs, TraceID: l.TraceID, SpanID: l.SpanID, Epoch: "e", Class: "info", Seq: uint64(i + 1)})
	}
	return all
}

// size of all columns, in bytes.
func (c *Coded) size() (n int) {
	for _, size := range c.sizes() {
		n += size
	}
	return n
}

func (c *Coded) sizes() map[string]int {
	sizes := map[string]int{"ts": len(c.TS.Bytes), "level": 2*len(c.Levels) + len(c.Level.Bytes), "logger": len(c.Loggers) + len(c.Logger.Bytes), "words": len(c.Words), "msg": len(c.Msg.Bytes),
		"trace": len(c.Traces) + len(c.Trace.Bytes), "span": len(c.Span), "shape": len(c.Shapes) + len(c.Shape.Bytes)}
	for _, f := range c.Fields {
		sizes["attrs."+f.Name] = len(f.Values) + len(f.Codes.Bytes)
	}
	return sizes
}

// Codes of any width come back, one by one and all at once.
func TestCodesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(0, mostWidth).Draw(t, "width")
		all := rapid.SliceOfN(rapid.Uint64Max(1<<width-1), 1, 50).Draw(t, "numbers")
		p := pack(1<<width-1, len(all))
		for _, n := range all {
			p.add(n)
		}
		c, err := CodesOf(len(all), p.codes().Bits(), p.out)
		if err != nil || c.Width != width {
			t.Fatalf("%v, width %d, want %d", err, c.Width, width)
		}
		for i, n := range all {
			if c.At(i) != n {
				t.Fatalf("number %d is %d, want %d", i, c.At(i), n)
			}
		}
		if c.At(len(all)) != 0 || c.At(-1) != 0 {
			t.Fatalf("there is something beyond the end")
		}
		if width <= 32 {
			for i, n := range c.unpack(nil, len(all)) {
				if uint64(n) != all[i] {
					t.Fatalf("number %d is %d, want %d", i, n, all[i])
				}
			}
		}
	})
}

// A block shares no memory with what it was made of: neither records, nor columns in somebody else's buffer.
func TestABlockIsItsOwn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := alike().Draw(t, "records")
		want := copies(all)
		for i := range want {
			want[i].Attrs = bytes.Clone(want[i].Attrs)
		}
		b, _ := Build(all)
		for _, r := range all {
			overwrite(r.Attrs)
		}
		same(t, b, want)

		buffers := borrowed(&b.Coded)
		joined, _ := Join([]*Block{b})
		owned := b.Apart(&b.Head)
		owned.Own()
		taken := &Block{Head: b.Head}
		taken.Take(b)
		for _, buffer := range buffers {
			overwrite(buffer)
		}
		same(t, joined, want)
		same(t, owned, want)
		same(t, taken, want)
	})
}

func overwrite(b []byte) {
	for i := range b {
		b[i] = '?'
	}
}

// borrowed puts the columns' texts into buffers that can be overwritten.
func borrowed(c *Coded) (buffers [][]byte) {
	texts := []*string{&c.Loggers, &c.Words, &c.Shapes}
	for i := range c.Fields {
		texts = append(texts, &c.Fields[i].Name, &c.Fields[i].Values)
		buffers = append(buffers, c.Fields[i].Codes.Bytes)
	}
	for _, s := range texts {
		buffer := []byte(*s)
		*s = textOf(buffer)
		buffers = append(buffers, buffer)
	}
	return append(buffers, c.TS.Bytes, c.Level.Bytes, c.Logger.Bytes, c.Msg.Bytes, c.Trace.Bytes, c.Traces, c.Span, c.Shape.Bytes)
}
