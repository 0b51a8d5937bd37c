package block

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

func (r *run) compare(c query.Compare, among Bitmap) Bitmap {
	switch c.Kind {
	case query.Attribute:
		return r.attribute(c.Field, among, c.HoldsValue)
	case query.Level:
		return r.filter(among, func(i int) bool { return c.Op.Holds(cmp.Compare(slog.Level(r.Levels[i]), c.Level)) })
	case query.Time:
		at := c.Time.Sub(r.Hour)
		return r.filter(among, func(i int) bool { return c.Op.Holds(cmp.Compare(r.offset(i), at)) })
	case query.Sequence:
		return r.filter(among, func(i int) bool { return query.Match(c, &query.Record{Seq: r.seq(i)}) })
	case query.Message:
		if c.Op == query.Contains {
			return r.message(query.Text{Value: c.Value, Wild: !c.Exact}, among)
		}
	case query.Hex:
		return r.hex(c, among)
	}
	return r.column(c.Field, among, c.Holds)
}

func (r *run) exists(e query.Exists, among Bitmap) Bitmap {
	switch e.Kind {
	case query.Attribute:
		return r.attribute(e.Field, among, func(v query.Value) bool { return v.Kind != query.Null })
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
		return r.attribute(e.Field, among, e.HoldsValue)
	case query.Message:
		for _, gram := range query.Require(e).Grams {
			among = r.msg.candidates(r.Msg, Unit[0], gram, among)
		}
	}
	return r.column(e.Field, among, e.Holds)
}

// offset of record i from the hour.
func (r *run) offset(i int) time.Duration {
	return time.Duration(int64(r.TS[i])+1<<31) * time.Microsecond
}

func (r *run) seq(i int) uint64 {
	p, place := r.PartOf(i)
	if p.Seq == 0 {
		return 0
	}
	return p.Seq + uint64(place)
}

// column asks holds of the texts of a column, once of those that stand in a row.
func (r *run) column(field string, among Bitmap, holds func(string) bool) Bitmap {
	var texts func(i int) string
	switch field {
	case "service":
		if holds(r.Service) {
			return among.clone()
		}
		return NewBitmap(r.Records)
	case "msg":
		msgs := r.Msgs()
		texts = func(i int) string { return msgs[i] }
	case "logger":
		loggers := r.Loggers()
		texts = func(i int) string { return loggers[i] }
	case "trace_id":
		texts = func(i int) string { return id(r.Trace[16*i : 16*i+16]) }
	case "span_id":
		texts = func(i int) string { return id(r.Span[8*i : 8*i+8]) }
	default:
		return r.part(field, among, holds)
	}
	last, held, any := "", false, false
	return r.filter(among, func(i int) bool {
		if s := texts(i); !any || s != last {
			last, held, any = s, holds(s), true
		}
		return held
	})
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

func (s *Source) text(field string) string {
	switch field {
	case "instance":
		return s.Instance
	case "epoch":
		return s.Epoch
	case "class":
		return s.Class
	case "version":
		return s.Version
	case "environment":
		return s.Environment
	case "cluster":
		return s.Cluster
	case "namespace":
		return s.Namespace
	case "node":
		return s.Node
	default:
		return ""
	}
}

// hex compares the beginning of an id, by bytes as far as it has whole ones.
func (r *run) hex(c query.Compare, among Bitmap) Bitmap {
	column, size := r.Trace, 16
	if c.Field == "span_id" {
		column, size = r.Span, 8
	}
	whole, err := hex.DecodeString(c.Value[:len(c.Value)&^1])
	if err != nil || len(whole) > size || len(whole) == 0 {
		return r.column(c.Field, among, c.Holds)
	}
	odd, half := len(c.Value)%2 == 1, byte(0)
	if odd {
		half = byte(strings.IndexByte("0123456789abcdef", c.Value[len(c.Value)-1]))
	}
	return r.filter(among, func(i int) bool {
		id := column[size*i : size*i+size]
		if !bytes.Equal(id[:len(whole)], whole) || odd && (len(whole) == size || id[len(whole)]>>4 != half) {
			return false
		}
		return len(bytes.Trim(id, "\x00")) > 0 // one of zeroes is none
	})
}
