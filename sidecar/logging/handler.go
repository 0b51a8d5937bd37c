package logging

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// sink takes a finished frame: spool.HeaderSize bytes for the spool's use, then the line without newline.
// It does not keep the frame.
type sink interface {
	record(class spool.Class, frame []byte)
}

// handler encodes each record once, as the line that both stderr and the spool get. It is immutable:
// WithAttrs and WithGroup return copies that carry what is already encoded.
type handler struct {
	level   *level.Var // what Enabled looks at lies together
	flows   *debug.Flows
	box     *BlackBox
	always  bool // enabled at every level
	audit   bool // carries audit=true
	secret  bool // inside a group whose name makes all of it a secret
	sink    sink
	format  *format
	head    []byte   // encoded from the service to the key of the message
	attrs   []byte   // encoded attributes, with the groups that hold one left open
	opened  int      // groups left open in attrs
	pending []string // groups that hold nothing yet
	count   int      // attributes in attrs
	dropped int
}

func newHandler(to sink, f *format, s Settings, logger string) *handler {
	head := appendField([]byte(nil), KeyService, s.Service)
	head = appendField(head, KeyInstance, s.Instance)
	head = appendField(head, KeyLogger, logger)
	head = append(head, `,"`+KeyMessage+`":`...)
	return &handler{sink: to, format: f, level: s.Levels.Var(logger), flows: s.Flows, box: s.box, head: head}
}

func appendField(dst []byte, key, value string) []byte {
	dst = append(dst, `,"`+key+`":`...)
	return appendQuoted(dst, value, maxString)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	e := encoder{format: h.format, buf: slices.Clip(h.attrs), count: h.count, dropped: h.dropped}
	if h.within(&e, func() { e.attrs(attrs, h.secret, h.opened) }) {
		c.opened += len(h.pending)
		c.pending = nil
	}
	c.attrs, c.count, c.dropped = slices.Clip(e.buf), e.count, e.dropped
	if h.top() && slices.ContainsFunc(attrs, isAudit) {
		c.audit, c.always = true, true
	}
	return &c
}

// WithGroup implements slog.Handler. Groups deeper than the bound are merged into their parent.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" || h.opened+len(h.pending) >= maxDepth {
		return h
	}
	c := *h
	c.pending = append(slices.Clip(h.pending), name)
	c.secret = h.secret || h.format.rules.Key(name)
	return &c
}

// top says that attributes given now are not inside a group.
func (h *handler) top() bool { return h.opened+len(h.pending) == 0 }

// within encodes inside the pending groups and takes them back when nothing came of it.
func (h *handler) within(e *encoder, encode func()) bool {
	mark := len(e.buf)
	for _, name := range h.pending {
		e.open(name)
	}
	start := len(e.buf)
	encode()
	if len(e.buf) > start {
		return true
	}
	e.buf = e.buf[:mark]
	return false
}

func isAudit(a slog.Attr) bool {
	return a.Key == KeyAudit && a.Value.Kind() == slog.KindBool && a.Value.Bool()
}

func (h *handler) line(ctx context.Context, e *encoder, r *slog.Record, p *passage) {
	e.begin(r.Time, r.Level, h.head)
	e.text(r.Message, maxMessage)
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		e.trace(span.TraceID(), span.SpanID())
	}
	list := e.beginAttrs(h.attrs, p)
	open := h.opened
	if h.recordAttrs(e, r) {
		open += len(h.pending)
	}
	e.endAttrs(list, open)
}

// begin appends what comes before the text of the message.
func (e *encoder) begin(at time.Time, level slog.Level, head []byte) {
	e.buf = append(e.buf, '{')
	e.buf = appendTime(e.buf, at)
	e.buf = append(e.buf, `"`+KeyLevel+`":"`...)
	e.buf = append(e.buf, level.String()...)
	e.buf = append(e.buf, '"')
	e.buf = append(e.buf, head...)
}

// appendTime leaves out a zero time, as slog demands; the shipper then sends only when it was seen.
func appendTime(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	dst = append(dst, `"`+KeyTime+`":"`...)
	dst = t.UTC().AppendFormat(dst, time.RFC3339Nano)
	return append(dst, '"', ',')
}

func (e *encoder) trace(id trace.TraceID, span trace.SpanID) {
	e.buf = append(e.buf, `,"`+KeyTraceID+`":"`...)
	e.buf = appendHex(e.buf, id[:])
	e.buf = append(e.buf, `","`+KeySpanID+`":"`...)
	e.buf = appendHex(e.buf, span[:])
	e.buf = append(e.buf, '"')
}

func appendHex(dst, id []byte) []byte {
	for _, b := range id {
		dst = append(dst, hexDigits[b>>4], hexDigits[b&0xf])
	}
	return dst
}

// list is where the attributes of a line are: with their key, and without.
type list struct{ mark, start int }

// beginAttrs opens them, and appends the passage and what the handler has encoded.
func (e *encoder) beginAttrs(encoded []byte, p *passage) list {
	l := list{mark: len(e.buf)}
	e.buf = append(e.buf, `,"`+KeyAttrs+`":{`...)
	l.start = len(e.buf)
	p.mark(e)
	if len(encoded) > 0 {
		e.comma()
		e.buf = append(e.buf, encoded...)
	}
	return l
}

// endAttrs closes the line, with so many groups that are open; attributes that there are none of leave no trace.
func (e *encoder) endAttrs(l list, open int) {
	for range open {
		e.buf = append(e.buf, '}')
	}
	if e.dropped > 0 {
		e.format.tally.attrs.Add(float64(e.dropped))
		e.key(KeyTruncated)
		e.value(KeyTruncated, slog.IntValue(e.dropped))
	}
	if len(e.buf) == l.start {
		e.buf = append(e.buf[:l.mark], '}')
		return
	}
	e.buf = append(e.buf, "}}"...)
}

// recordAttrs is within, spelt out so that the record does not escape to the heap.
func (h *handler) recordAttrs(e *encoder, r *slog.Record) bool {
	if r.NumAttrs() == 0 {
		return false
	}
	depth := h.opened + len(h.pending)
	return h.within(e, func() {
		r.Attrs(func(a slog.Attr) bool {
			e.attr(a, h.secret, depth)
			return true
		})
	})
}

// class is the record's place in the spool: by level, with what is audited beside the errors.
func (h *handler) class(r *slog.Record) spool.Class {
	if h.audit || h.auditRecord(r) {
		return spool.Error
	}
	return spool.ClassOf(r.Level)
}

func (h *handler) auditRecord(r *slog.Record) bool {
	if !h.top() {
		return false
	}
	found := false
	r.Attrs(func(a slog.Attr) bool {
		found = isAudit(a)
		return !found
	})
	return found
}
