package logging

import (
	"encoding/binary"
	"log/slog"
	"math"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// A draft is a record as the black box keeps it: most are forgotten, so redaction, escaping and formatting are left for
// those that are released. It holds all that its line is made from:
//
//	time | level | span | open groups, attributes, dropped ones | head | attributes of the handler | message | attribute …
//
// What may change after the call (errors, structs, LogValuers, groups), and what is long, is encoded at once and lies in it
// made. A draft never leaves the process: what is shipped is the line made of it, redacted like any.

// short is the size up to which a text is left as it is, in bytes.
const short = 2 << 10

// The kinds of what a draft holds.
const (
	draftMade byte = iota // JSON already
	draftString
	draftInt
	draftUint
	draftFloat
	draftBool
	draftDuration
)

// drafts says whether a record that is kept can be a draft: not inside of groups that may leave no trace, or are secret, and
// not if it has more than its line would.
func (h *handler) drafts(r *slog.Record) bool {
	return len(h.pending) == 0 && !h.secret && h.count+r.NumAttrs() <= maxAttrs
}

// keepDraft has the black box keep a record, or writes it where its trace has been released meanwhile.
func (h *handler) keepDraft(r *slog.Record, p *passage) {
	space := h.format.frames.Get().(*[]byte)
	e := encoder{format: h.format, buf: (*space)[:0], count: h.count, dropped: h.dropped}
	h.draft(&e, r, p.span)
	if class := h.class(r); !h.box.keep(p.trace, class, true, r.Time, e.buf) {
		made := encoder{format: h.format, buf: make([]byte, spool.HeaderSize)}
		made.undraft(e.buf, p.trace)
		h.sink.record(class, made.buf)
	}
	if cap(e.buf) <= maxPooled {
		*space = e.buf
		h.format.frames.Put(space)
	}
}

// draft appends the record to a buffer. The room for the counts is filled when they are known.
func (h *handler) draft(e *encoder, r *slog.Record, span trace.SpanID) {
	e.buf = appendMoment(e.buf, r.Time)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(r.Level))
	e.buf = append(e.buf, span[:]...)
	e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(h.opened))
	e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(h.count))
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(h.dropped))
	e.buf = appendBytes(e.buf, h.head)
	e.buf = appendBytes(e.buf, h.attrs)
	if len(r.Message) <= short {
		e.buf = appendString(append(e.buf, draftString), r.Message)
	} else {
		e.draftMade(func() { e.text(r.Message, maxMessage) })
	}
	depth := h.opened
	r.Attrs(func(a slog.Attr) bool {
		e.draftAttr(a, depth)
		return true
	})
}

func (e *encoder) draftAttr(a slog.Attr, depth int) {
	if len(a.Key) > short || e.full() {
		e.draftMade(func() { e.attr(a, false, depth) })
		return
	}
	switch v := a.Value; v.Kind() {
	case slog.KindString:
		if s := v.String(); len(s) <= short {
			e.buf = appendString(e.draftKey(draftString, a.Key), s)
			return
		}
		e.draftMade(func() { e.attr(a, false, depth) })
	case slog.KindInt64:
		e.draftNumber(draftInt, a.Key, uint64(v.Int64()))
	case slog.KindUint64:
		e.draftNumber(draftUint, a.Key, v.Uint64())
	case slog.KindFloat64:
		e.draftNumber(draftFloat, a.Key, math.Float64bits(v.Float64()))
	case slog.KindDuration:
		e.draftNumber(draftDuration, a.Key, uint64(v.Duration()))
	case slog.KindBool:
		n := uint64(0)
		if v.Bool() {
			n = 1
		}
		e.draftNumber(draftBool, a.Key, n)
	default:
		e.draftMade(func() { e.attr(a, false, depth) })
	}
}

func (e *encoder) draftKey(kind byte, key string) []byte {
	e.count++
	return appendString(append(e.buf, kind), key)
}

func (e *encoder) draftNumber(kind byte, key string, n uint64) {
	e.buf = binary.LittleEndian.AppendUint64(e.draftKey(kind, key), n)
}

// draftMade appends what encode does, with how many attributes that is and how many did not fit. The brace is for the
// encoder: what it appends is the first thing of an object.
func (e *encoder) draftMade(encode func()) {
	const sizes = 2 + 4 + 4
	count, dropped := e.count, e.dropped
	e.buf = append(e.buf, draftMade)
	at := len(e.buf)
	e.buf = append(append(e.buf, make([]byte, sizes)...), '{')
	encode()
	binary.LittleEndian.PutUint16(e.buf[at:], uint16(e.count-count))
	binary.LittleEndian.PutUint32(e.buf[at+2:], uint32(e.dropped-dropped))
	binary.LittleEndian.PutUint32(e.buf[at+6:], uint32(len(e.buf)-at-sizes-1))
}

// undraft appends the line that a draft is of, as handler.line would have.
func (e *encoder) undraft(draft []byte, id trace.TraceID) {
	d := reading(draft)
	at, level := d.moment(), slog.Level(d.uint64())
	span := trace.SpanID(d.take(len(trace.SpanID{})))
	opened, count, dropped := int(d.uint16()), int(d.uint16()), int(d.uint32())
	e.count, e.dropped = count, dropped
	e.begin(at, level, d.bytes())
	attrs := d.bytes()
	if d.take(1)[0] == draftString {
		e.text(string(d.bytes()), maxMessage)
	} else {
		_, _, made := d.made()
		e.buf = append(e.buf, made...)
	}
	e.trace(id, span)
	list := e.beginAttrs(attrs, &passage{how: kept})
	for len(d) > 0 {
		e.undraftAttr(&d, opened)
	}
	e.endAttrs(list, opened)
}

func (e *encoder) undraftAttr(d *reading, depth int) {
	kind := d.take(1)[0]
	if kind == draftMade {
		e.undraftMade(d)
		return
	}
	key := string(d.bytes())
	var v slog.Value
	switch kind {
	case draftString:
		v = slog.StringValue(string(d.bytes()))
	case draftInt:
		v = slog.Int64Value(int64(d.uint64()))
	case draftUint:
		v = slog.Uint64Value(d.uint64())
	case draftFloat:
		v = slog.Float64Value(math.Float64frombits(d.uint64()))
	case draftDuration:
		v = slog.DurationValue(time.Duration(d.uint64()))
	case draftBool:
		v = slog.BoolValue(d.uint64() == 1)
	}
	e.attr(slog.Attr{Key: key, Value: v}, false, depth)
}

func (e *encoder) undraftMade(d *reading) {
	count, dropped, made := d.made()
	if e.full() {
		e.dropped += count + dropped
		return
	}
	e.count, e.dropped = e.count+count, e.dropped+dropped
	if len(made) > 0 {
		e.comma()
		e.buf = append(e.buf, made...)
	}
}

// noMoment stands for the zero time.
const noMoment = math.MaxUint32

func appendMoment(dst []byte, t time.Time) []byte {
	nano := uint32(t.Nanosecond())
	if t.IsZero() {
		nano = noMoment
	}
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(dst, uint64(t.Unix())), nano)
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(b))), b...)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// reading is what is left of a draft. Drafts are made and read by this process alone, so that what is wrong with one is a
// mistake in this file.
type reading []byte

func (d *reading) take(n int) (b []byte) {
	b, *d = (*d)[:n], (*d)[n:]
	return b
}

func (d *reading) uint16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *reading) uint32() uint32 { return binary.LittleEndian.Uint32(d.take(4)) }
func (d *reading) uint64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }
func (d *reading) bytes() []byte  { return d.take(int(d.uint32())) }

func (d *reading) moment() time.Time {
	sec, nano := int64(d.uint64()), d.uint32()
	if nano == noMoment {
		return time.Time{}
	}
	return time.Unix(sec, int64(nano))
}

// made reads what was encoded at once: how many attributes that is, how many are missing, and their text.
func (d *reading) made() (count, dropped int, text []byte) {
	count, dropped = int(d.uint16()), int(d.uint32())
	n := int(d.uint32())
	d.take(1)
	return count, dropped, d.take(n)
}
