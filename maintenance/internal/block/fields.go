package block

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"log/slog"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

func (r *run) compare(c query.Compare, among Bitmap) Bitmap {
	switch c.Kind {
	case query.Attribute:
		return r.attribute(asked{field: c.Field, holds: c.HoldsValue, compare: &c}, among)
	case query.Level:
		return r.coded(r.Coded.Level, len(r.Coded.Levels), among, func(k int) bool {
			return k < len(r.Coded.Levels) && c.Op.Holds(cmp.Compare(slog.Level(r.Coded.Levels[k]), c.Level))
		})
	case query.Time:
		at := c.Time.Sub(r.Hour)
		return r.filter(among, func(i int) bool { return c.Op.Holds(cmp.Compare(r.offset(i), at)) })
	case query.Sequence:
		return r.filter(among, func(i int) bool { return query.Match(c, &query.Record{Seq: r.seq(i)}) })
	case query.Message:
		if c.Op == query.Contains {
			return r.message(query.Text{Value: c.Value, Wild: !c.Exact}, among)
		}
		among = r.phrases(c.Value, !c.Exact, among) // whatever its case
	case query.Hex:
		return r.hex(c, among)
	}
	return r.column(c.Field, among, c.Holds)
}

func (r *run) exists(e query.Exists, among Bitmap) Bitmap {
	switch e.Kind {
	case query.Attribute:
		return r.attribute(asked{field: e.Field, holds: func(v query.Value) bool { return v.Kind != query.Null }, exists: true}, among)
	case query.Level, query.Time:
		return among.clone()
	case query.Sequence:
		return r.filter(among, func(i int) bool { return r.seq(i) > 0 })
	default:
		return r.column(e.Field, among, func(s string) bool { return s != "" })
	}
}

func (r *run) regex(e query.Regex, among Bitmap) Bitmap {
	switch e.Kind {
	case query.Attribute:
		return r.attribute(asked{field: e.Field, holds: e.HoldsValue}, among)
	case query.Message:
		for _, gram := range query.Require(e).Grams {
			among = r.phrase(gram, among)
		}
	}
	return r.column(e.Field, among, e.Holds)
}

func (r *run) seq(i int) uint64 {
	p, place := r.PartOf(i)
	if p.Seq == 0 {
		return 0
	}
	return p.Seq + uint64(place)
}

// column asks holds of the texts of a column, once of each distinct one where there is a list of them.
func (r *run) column(field string, among Bitmap, holds func(string) bool) Bitmap {
	switch field {
	case "service":
		if holds(r.Service) {
			return among.clone()
		}
		return NewBitmap(r.Records)
	case "msg":
		return r.messageHolds(among, holds)
	case "logger":
		all := list(&r.index.loggers, r.Coded.Loggers, Unit)
		return r.coded(r.Coded.Logger, len(all), among, func(k int) bool { return holds(entry(all, uint64(k))) })
	case "trace_id":
		return r.coded(r.Coded.Trace, len(r.Coded.Traces)/16, among, func(k int) bool { return holds(id(ofSize(r.Coded.Traces, uint64(k), 16))) })
	case "span_id":
		return r.filter(among, func(i int) bool { return holds(r.SpanID(i)) })
	default:
		return r.part(field, among, holds)
	}
}

// part asks holds once a part.
func (r *run) part(field string, among Bitmap, holds func(string) bool) Bitmap {
	found, at := NewBitmap(r.Records), 0
	for i := range r.Parts {
		p := &r.Parts[i]
		if holds(p.Source.text(field)) {
			found.setRange(at, at+p.Records)
		}
		at += p.Records
	}
	return found.and(among)
}

// hex compares the beginning of an id, by bytes as far as it has whole ones.
func (r *run) hex(c query.Compare, among Bitmap) Bitmap {
	size := 16
	if c.Field == "span_id" {
		size = 8
	}
	whole, err := hex.DecodeString(c.Value[:len(c.Value)&^1])
	if err != nil || len(whole) > size || len(whole) == 0 {
		return r.column(c.Field, among, c.Holds)
	}
	odd, half := len(c.Value)%2 == 1, byte(0)
	if odd {
		half = byte(strings.IndexByte(hexDigits, c.Value[len(c.Value)-1]))
	}
	holds := func(id []byte) bool {
		if !bytes.HasPrefix(id, whole) || odd && (len(whole) == size || id[len(whole)]>>4 != half) {
			return false
		}
		return len(bytes.Trim(id, "\x00")) > 0 // one of zeroes is none
	}
	if size == 8 {
		return r.filter(among, func(i int) bool { return holds(r.span(i)) })
	}
	return r.coded(r.Coded.Trace, len(r.Coded.Traces)/16, among, func(k int) bool { return holds(ofSize(r.Coded.Traces, uint64(k), 16)) })
}
