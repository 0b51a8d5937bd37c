package block

import (
	"slices"
	"strconv"
	"strings"
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

// attributes reads a field's column, unless what has that name stands elsewhere, too: then object by object.
func (b *Block) attributes(field string, among Bitmap, fn func(i int, value string)) {
	d := b.objects()
	k := d.only(field)
	if k == nowhere {
		return
	}
	if k == everywhere || d.fields[k].Kind == Texts {
		for i := range among.All() {
			walk([]byte(b.Attr(i)), func(path, text []byte, kind query.ValueKind) {
				if kind <= query.Truth && string(path) == field {
					fn(i, string(text))
				}
			})
		}
		return
	}
	f, known := &d.fields[k], map[uint64]string{}
	show := func(i, v int) {
		code := f.Codes.At(v)
		text, there := known[code]
		if !there || f.Kind != Words && f.Kind != Numbers {
			text = f.plain(v)
			known[code] = text
		}
		if f.Kind != Words || text != "" || f.text(v) == `""` {
			fn(i, text)
		}
	}
	if records := d.records(k); records != nil {
		for v, i := range records {
			if int(i) < b.Records && among.Has(int(i)) {
				show(int(i), v)
			}
		}
		return
	}
	for i := range among.All() {
		show(i, i)
	}
}

// Answers of only besides the number of a field.
const (
	nowhere    = -1
	everywhere = -2
)

// only is the field that has all values of that name.
func (d *decoded) only(name string) (k int) {
	k = nowhere
	for n := range d.fields {
		f := &d.fields[n]
		switch {
		case f.Name == name && f.Name != "" && k == nowhere && !f.lists():
			k = n
		case f.Name == "" || f.Name == name || strings.HasPrefix(name, f.Name) && name[len(f.Name)] == '.':
			return everywhere
		}
	}
	return k
}

// lists reports whether there may be lists among the values.
func (r *reader) lists() bool {
	return r.Kind <= Words && slices.ContainsFunc(r.list(), func(raw string) bool { return raw != "" && raw[0] == '[' })
}

// plain is the text of value i, if it is a scalar, else "".
func (r *reader) plain(i int) (text string) {
	if r.Kind != Words {
		return string(r.appendPlain(nil, i))
	}
	if raw := r.text(i); raw != "" && raw[0] != '[' && raw[0] != '{' {
		walkValue(raw, "", func(_, s []byte, kind query.ValueKind) {
			if kind <= query.Truth {
				text = string(s)
			}
		})
	}
	return text
}
