package block

import (
	"bytes"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Reads are the columns that Values needs.
func Reads(field query.Exists) Column { return columnsOf(field) }

// Values calls fn with each value that the records in among have of the field, as text; a record without it is left out.
// Of an attribute only scalars count, and one name may have several.
func (b *Block) Values(field query.Exists, among Bitmap, fn func(i int, value string)) {
	switch field.Kind {
	case query.Attribute:
		b.attributes(field.Field, among, fn)
		return
	case query.Level:
		for i := range among.All() {
			fn(i, b.Level(i).String())
		}
		return
	case query.Time:
		for i := range among.All() {
			fn(i, b.Time(i).Format(time.RFC3339Nano))
		}
		return
	case query.Sequence:
		for i := range among.All() {
			if p, place := b.PartOf(i); p.Seq > 0 {
				fn(i, strconv.FormatUint(p.Seq+uint64(place), 10))
			}
		}
		return
	}
	for i := range among.All() {
		if s := b.textOf(field.Field, i); s != "" {
			fn(i, s)
		}
	}
}

func (b *Block) textOf(field string, i int) string {
	switch field {
	case "service":
		return b.Service
	case "msg":
		return b.Msg(i)
	case "logger":
		return b.Logger(i)
	case "trace_id":
		return b.TraceID(i)
	case "span_id":
		return b.SpanID(i)
	default:
		p, _ := b.PartOf(i)
		return p.Source.text(field)
	}
}

func (b *Block) attributes(field string, among Bitmap, fn func(i int, value string)) {
	lines, name := b.AttrTexts(), []byte(field)
	for i := range among.All() {
		walk([]byte(lines[i]), func(path, text []byte, kind query.ValueKind) {
			if kind <= query.Truth && bytes.Equal(path, name) {
				fn(i, string(text))
			}
		})
	}
}
