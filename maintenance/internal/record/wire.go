package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Kinds of an AnyValue: the numbers of its fields.
const (
	nothing = iota
	textKind
	boolKind
	intKind
	doubleKind
	listKind
	pairsKind
	bytesKind
	indexKind // of profiles; a log has no table for it
)

// value is an AnyValue as it stands on the wire.
type value struct {
	kind   int
	number uint64
	in     Span
}

// pair is a KeyValue.
type pair struct {
	key   string
	value value
}

// Wire reads LogRecords from their bytes, without the messages between. What From would read otherwise, or would not read at
// all, it leaves alone: a message that comes twice and is to be merged, a text that is none, what is damaged, too deep or
// too much. Not safe for concurrent use; its zero value is ready.
type Wire struct {
	// Messages is how many there would have been within the records read so far.
	Messages int

	pairs []pair
}

// parts of a LogRecord.
type parts struct {
	at, observed uint64
	severity     int32
	level        string
	body         value
	trace, span  []byte
}

// From reads one record of the resource and the logger; false: it is to be read by way of messages.
func (w *Wire) From(resource Record, logger string, in Span, c Clock) (rec Record, ok bool) {
	var p parts
	size := len(in.raw)
	if !w.read(in, &p) {
		return rec, false
	}
	rec = resource
	rec.Logger = name(logger)
	rec.Level = levelOf(p.severity, p.level)
	rec.TraceID, rec.SpanID = id(p.trace, 16), id(p.span, 8)
	if rec.Msg, ok = w.message(&p.body); !ok {
		return rec, false
	}
	original := rec.date(p.at, p.observed, c)
	class, seq := w.ledger(&rec)
	if rec.Attrs, ok = w.encode(make([]byte, 0, size), original, class, seq); !ok {
		return rec, false
	}
	rec.Expired = c.tooOld(rec.TS)
	return rec, true
}

func (w *Wire) read(in Span, p *parts) bool {
	w.pairs = w.pairs[:0]
	seen := false
	for f := (Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return false
		}
		ok := true
		switch {
		case f.Is(1, protowire.Fixed64Type):
			p.at = f.Number
		case f.Is(2, protowire.VarintType):
			p.severity = int32(f.Number)
		case f.Is(3, protowire.BytesType):
			p.level, ok = f.Text()
		case f.Is(5, protowire.BytesType):
			ok = !seen && w.value(&p.body, f.Span)
			seen = true
		case f.Is(6, protowire.BytesType):
			w.pairs = append(w.pairs, pair{})
			ok = len(w.pairs) <= maxItems && w.pair(&w.pairs[len(w.pairs)-1], f.Span)
		case f.Is(9, protowire.BytesType):
			p.trace = f.raw
		case f.Is(10, protowire.BytesType):
			p.span = f.raw
		case f.Is(11, protowire.Fixed64Type):
			p.observed = f.Number
		case f.Is(12, protowire.BytesType):
			_, ok = f.Text()
		}
		if !ok {
			return false
		}
	}
	return true
}

// pair reads one; its value comes once.
func (w *Wire) pair(p *pair, in Span) bool {
	w.Messages++
	seen := false
	for f := (Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return false
		}
		ok := true
		switch {
		case f.Is(1, protowire.BytesType):
			p.key, ok = f.Text()
		case f.Is(2, protowire.BytesType):
			ok = !seen && w.value(&p.value, f.Span)
			seen = true
		}
		if !ok {
			return false
		}
	}
	return true
}

// value reads one, of which there is one; what it holds is looked at when it is written.
func (w *Wire) value(v *value, in Span) bool {
	w.Messages++
	for f := (Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return false
		}
		var kind int
		switch {
		case f.kind == protowire.BytesType && (f.num == textKind || f.num == listKind || f.num == pairsKind || f.num == bytesKind):
			kind = int(f.num)
		case f.kind == protowire.VarintType && (f.num == boolKind || f.num == intKind || f.num == indexKind):
			kind = int(f.num)
		case f.Is(doubleKind, protowire.Fixed64Type):
			kind = doubleKind
		default:
			continue
		}
		if v.kind != nothing {
			return false
		}
		if *v = (value{kind, f.Number, f.Span}); kind == listKind || kind == pairsKind {
			w.Messages++
		}
		if _, ok := f.Text(); kind == textKind && !ok {
			return false
		}
	}
	return true
}

func (w *Wire) message(v *value) (string, bool) {
	switch v.kind {
	case nothing:
		return "", true
	case textKind:
		return clean(v.in.text, MaxMessage), true
	}
	b, ok := w.append(nil, v, 0)
	return clean(string(b), MaxMessage), ok
}

// ledger takes the record's place in its stream from the attributes, and answers which two they are: not to be written.
func (w *Wire) ledger(r *Record) (class, seq int) {
	class, seq = -1, -1
	for i := range w.pairs {
		switch w.pairs[i].key {
		case attrClass:
			class = i
		case attrSeq:
			seq = i
		}
	}
	if class < 0 || seq < 0 || r.Epoch == "" {
		return -1, -1
	}
	c, n := w.pairs[class].value, w.pairs[seq].value
	if c.kind != textKind || c.in.text == "" || n.kind != intKind || int64(n.number) <= 0 {
		return -1, -1
	}
	r.Class, r.Seq = className(c.in.text), n.number
	return class, seq
}

// className is a text of its own: where the store remembers a stream, it must not keep the whole request.
func className(text string) string {
	for _, known := range [...]string{"debug", "info", "warn", "error"} {
		if text == known {
			return known
		}
	}
	return name(strings.Clone(text))
}

// encode is encode of messages, but for two pairs.
func (w *Wire) encode(b []byte, extra [2]string, not, nor int) (json.RawMessage, bool) {
	var names keys
	b = append(b, '{')
	for i := range w.pairs {
		if i == not || i == nor {
			continue
		}
		var ok bool
		if b, ok = w.appendPair(b, &w.pairs[i], &names, 0); !ok {
			return nil, false
		}
	}
	if extra[0] != "" {
		b = appendKey(b, &names, extra[0])
		b = appendText(b, extra[1])
	}
	if b = append(b, '}'); len(b) > maxAttrs {
		return fmt.Appendf(nil, `{"signalbox.cut":"attributes of %d bytes"}`, len(b)), true
	}
	return b, true
}

func (w *Wire) appendPair(b []byte, p *pair, names *keys, depth int) ([]byte, bool) {
	return w.append(appendKey(b, names, clean(p.key, maxName)), &p.value, depth)
}

func (w *Wire) append(b []byte, v *value, depth int) ([]byte, bool) {
	if depth > maxDepth {
		return b, false
	}
	switch v.kind {
	case textKind:
		return appendText(b, clean(v.in.text, maxText)), true
	case boolKind:
		return strconv.AppendBool(b, protowire.DecodeBool(v.number)), true
	case intKind:
		return strconv.AppendInt(b, int64(v.number), 10), true
	case doubleKind:
		return appendNumber(b, math.Float64frombits(v.number)), true
	case bytesKind:
		return appendText(b, clean(base64.StdEncoding.EncodeToString(v.in.raw), maxText)), true
	case pairsKind:
		return w.appendPairs(b, v.in, depth+1)
	case listKind:
		return w.appendValues(b, v.in, depth+1)
	default:
		return append(b, "null"...), true
	}
}

func (w *Wire) appendPairs(b []byte, in Span, depth int) (_ []byte, ok bool) {
	var names keys
	b = append(b, '{')
	n := 0
	for f := (Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return b, false
		}
		if !f.Is(1, protowire.BytesType) {
			continue
		}
		var p pair
		if n++; n > maxItems || !w.pair(&p, f.Span) {
			return b, false
		}
		if b, ok = w.appendPair(b, &p, &names, depth); !ok {
			return b, false
		}
	}
	return append(b, '}'), true
}

func (w *Wire) appendValues(b []byte, in Span, depth int) (_ []byte, ok bool) {
	b = append(b, '[')
	n := 0
	for f := (Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return b, false
		}
		if !f.Is(1, protowire.BytesType) {
			continue
		}
		if n > 0 {
			b = append(b, ',')
		}
		var v value
		if n++; n > maxItems || !w.value(&v, f.Span) {
			return b, false
		}
		if b, ok = w.append(b, &v, depth); !ok {
			return b, false
		}
	}
	return append(b, ']'), true
}
