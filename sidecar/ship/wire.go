package ship

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of OTLP's messages as they stand on the wire: number and type in one byte.
const (
	requestResourceLogs = 1<<3 | 2
	resourceLogsSelf    = 1<<3 | 2
	resourceLogsScope   = 2<<3 | 2
	scopeLogsSelf       = 1<<3 | 2
	scopeLogsRecord     = 2<<3 | 2
	scopeName           = 1<<3 | 2

	recordTime         = 1<<3 | 1
	recordSeverity     = 2 << 3 // a varint
	recordSeverityText = 3<<3 | 2
	recordBody         = 5<<3 | 2
	recordAttribute    = 6<<3 | 2
	recordTrace        = 9<<3 | 2
	recordSpan         = 10<<3 | 2
	recordObserved     = 11<<3 | 1

	pairKey   = 1<<3 | 2
	pairValue = 2<<3 | 2

	valueText   = 1<<3 | 2
	valueTruth  = 2 << 3 // varints
	valueInt    = 3 << 3
	valueDouble = 4<<3 | 1
	valueList   = 5<<3 | 2
	valuePairs  = 6<<3 | 2
	listItem    = 1<<3 | 2
)

// fewKeys is how many attributes of one object are compared with one another.
const fewKeys = 48

// wire turns a line of the spool into a LogRecord's bytes, without the tree between: most of what shipping costs. It
// gives up at whatever is unusual (a key that comes twice, damage), which decode then does.
type wire struct {
	b      []byte
	keys   [][]byte // of the objects that are open
	logger []byte
}

// line writes the record; false: b holds nothing of use.
func (w *wire) line(line []byte, class string, seq uint64) bool {
	w.b, w.keys, w.logger = w.b[:0], w.keys[:0], nil
	p := parser{b: line}
	var at uint64
	body, members, seen := false, 0, w.keys
	ok := p.fields(func(key []byte) bool {
		for _, k := range seen {
			if bytes.Equal(k, key) {
				return false
			}
		}
		if members++; members > fewKeys {
			return false
		}
		seen = append(seen, key)
		if string(key) == "attrs" {
			w.keys = seen
			ok := w.pairs(&p, recordAttribute, true)
			seen = w.keys
			return ok
		}
		text, ok := p.bytes()
		switch string(key) {
		case "ts":
			at = nanoseconds(string(text))
		case "level":
			w.level(text)
		case "logger":
			w.logger = text
		case "msg":
			body = true
			from := w.begin(recordBody)
			w.text(valueText, text)
			w.end(from)
		case "trace_id":
			ok = w.id(recordTrace, text) && ok
		case "span_id":
			ok = w.id(recordSpan, text) && ok
		}
		return ok
	})
	if !ok || !body || !utf8.Valid(line) {
		return false
	}
	if at != 0 {
		w.fixed(recordTime, at)
	} else {
		at = uint64(time.Now().UnixNano())
	}
	w.fixed(recordObserved, at)
	w.place(class, seq)
	return true
}

// place in the ledger, as two attributes.
func (w *wire) place(class string, seq uint64) {
	from := w.begin(recordAttribute)
	w.text(pairKey, []byte(AttrClass))
	value := w.begin(pairValue)
	w.text(valueText, []byte(class))
	w.end(value)
	w.end(from)
	from = w.begin(recordAttribute)
	w.text(pairKey, []byte(AttrSeq))
	value = w.begin(pairValue)
	w.number(valueInt, seq)
	w.end(value)
	w.end(from)
}

func (w *wire) level(text []byte) {
	w.text(recordSeverityText, text)
	if n := severity(string(text)); n != 0 {
		w.number(recordSeverity, uint64(n))
	}
}

func (w *wire) id(field byte, text []byte) bool {
	raw, err := hex.AppendDecode(make([]byte, 0, 16), text)
	if len(raw) > 0 {
		w.text(field, raw)
	}
	return err == nil
}

// pairs writes the members of an object, each as a field of its own.
func (w *wire) pairs(p *parser, field byte, top bool) bool {
	open := len(w.keys)
	ok := p.fields(func(key []byte) bool {
		if top && (string(key) == AttrClass || string(key) == AttrSeq) || len(w.keys)-open == fewKeys {
			return false
		}
		for _, k := range w.keys[open:] {
			if bytes.Equal(k, key) {
				return false
			}
		}
		w.keys = append(w.keys, key)
		from := w.begin(field)
		w.text(pairKey, key)
		value := w.begin(pairValue)
		ok := w.value(p)
		w.end(value)
		w.end(from)
		return ok
	})
	w.keys = w.keys[:open]
	return ok
}

// value writes what an AnyValue holds.
func (w *wire) value(p *parser) bool {
	p.depth++
	defer func() { p.depth-- }()
	if p.at >= len(p.b) || p.depth > maxNesting {
		return false
	}
	switch p.b[p.at] {
	case '"':
		text, ok := p.bytes()
		w.text(valueText, text)
		return ok
	case '{':
		from := w.begin(valuePairs)
		ok := w.pairs(p, listItem, false)
		w.end(from)
		return ok
	case '[':
		from := w.begin(valueList)
		ok := w.list(p)
		w.end(from)
		return ok
	case 't':
		w.number(valueTruth, 1)
		return p.literal("true")
	case 'f':
		w.number(valueTruth, 0)
		return p.literal("false")
	case 'n':
		return p.literal("null")
	}
	text := p.digits()
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		w.number(valueInt, uint64(n))
		return true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	w.fixed(valueDouble, math.Float64bits(f))
	return err == nil
}

func (w *wire) list(p *parser) bool {
	if !p.take('[') {
		return false
	}
	if p.take(']') {
		return true
	}
	for {
		from := w.begin(listItem)
		ok := w.value(p)
		w.end(from)
		if !ok {
			return false
		}
		if p.take(']') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

func (w *wire) text(field byte, text []byte) {
	w.b = protowire.AppendBytes(append(w.b, field), text)
}

func (w *wire) number(field byte, n uint64) { w.b = protowire.AppendVarint(append(w.b, field), n) }

func (w *wire) fixed(field byte, n uint64) { w.b = protowire.AppendFixed64(append(w.b, field), n) }

// begin a message within; end puts its length, which is one byte for most, before it.
func (w *wire) begin(field byte) (from int) {
	w.b = append(w.b, field, 0)
	return len(w.b)
}

func (w *wire) end(from int) {
	n := len(w.b) - from
	if n < 0x80 {
		w.b[from-1] = byte(n)
		return
	}
	more := protowire.SizeVarint(uint64(n)) - 1
	w.b = append(w.b, make([]byte, more)...)
	copy(w.b[from+more:], w.b[from:from+n])
	protowire.AppendVarint(w.b[:from-1], uint64(n))
}

// fields is object for a member that takes its key as bytes, which it may keep for as long as the line.
func (p *parser) fields(member func(key []byte) bool) bool {
	if !p.take('{') {
		return false
	}
	if p.take('}') {
		return true
	}
	for {
		key, ok := p.bytes()
		if !ok || !p.take(':') || !member(key) {
			return false
		}
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// bytes is text without a copy where nothing is escaped.
func (p *parser) bytes() ([]byte, bool) {
	if p.at < len(p.b) && p.b[p.at] == '"' {
		rest := p.b[p.at+1:]
		if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			p.at += end + 2
			return rest[:end], true
		}
	}
	s, ok := p.text()
	return []byte(s), ok
}

// digits and what else a number is written with.
func (p *parser) digits() []byte {
	start := p.at
	for p.at < len(p.b) && bytes.IndexByte([]byte("+-.eE0123456789"), p.b[p.at]) >= 0 {
		p.at++
	}
	return p.b[start:p.at]
}
