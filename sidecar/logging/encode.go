package logging

import (
	"log/slog"
	"math"
	"strconv"
	"time"
)

// Bounds of one record. What exceeds them is cut with a mark; a record is never refused for its size.
const (
	maxMessage = 32 << 10  // bytes
	maxString  = 16 << 10  // bytes of one string value
	maxStack   = 64 << 10  // bytes of a value under KeyStack
	maxKey     = 128       // bytes
	maxAttrs   = 128       // of one record, those in groups included
	maxDepth   = 10        // groups within groups
	overscan   = 4 << 10   // bytes behind a limit that are searched for secrets
	maxLine    = 160 << 10 // bytes; an attribute that begins beyond it is dropped
)

// encoder appends the attributes of one record. Nothing that a caller passes makes it panic.
type encoder struct {
	buf     []byte
	count   int // attributes written
	dropped int // attributes that did not fit
}

// comma separates; the first thing after an opening brace, or in an empty buffer, gets none.
func (e *encoder) comma() {
	if n := len(e.buf); n > 0 && e.buf[n-1] != '{' && e.buf[n-1] != '[' {
		e.buf = append(e.buf, ',')
	}
}

func (e *encoder) key(k string) {
	e.comma()
	e.buf = appendQuoted(e.buf, k, maxKey)
	e.buf = append(e.buf, ':')
}

// text looks for secrets somewhat behind the limit too: one that the cut goes through must not stay.
func (e *encoder) text(s string, limit int) {
	size := len(s)
	if size > limit+overscan {
		s = s[:runeStart(s, limit+overscan)]
	}
	e.buf = appendCut(e.buf, redactText(s), limit, size)
}

func (e *encoder) full() bool { return e.count >= maxAttrs || len(e.buf) > maxLine }

// attr appends one attribute, or nothing for what slog says is to be left out. secret: it lies in a group
// whose name makes all of it a secret.
func (e *encoder) attr(a slog.Attr, secret bool, depth int) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		e.group(a.Key, v.Group(), secret, depth)
		return
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return
	}
	if e.full() {
		e.dropped++
		return
	}
	e.count++
	e.key(a.Key)
	if secret || secretKey(a.Key) {
		e.buf = append(e.buf, `"`+redacted+`"`...)
		return
	}
	e.value(a.Key, v)
}

// group appends a group; an empty one leaves no trace, one without a name is inlined.
func (e *encoder) group(name string, attrs []slog.Attr, secret bool, depth int) {
	if name == "" {
		e.attrs(attrs, secret, depth)
		return
	}
	if depth >= maxDepth {
		e.dropped += len(attrs)
		return
	}
	mark := len(e.buf)
	e.open(name)
	start := len(e.buf)
	e.attrs(attrs, secret || secretKey(name), depth+1)
	if len(e.buf) == start {
		e.buf = e.buf[:mark]
		return
	}
	e.buf = append(e.buf, '}')
}

func (e *encoder) open(name string) {
	e.key(name)
	e.buf = append(e.buf, '{')
}

func (e *encoder) attrs(attrs []slog.Attr, secret bool, depth int) {
	for _, a := range attrs {
		e.attr(a, secret, depth)
	}
}

// value appends a value as slog's JSONHandler does (a duration is nanoseconds), bounded and redacted.
func (e *encoder) value(key string, v slog.Value) {
	switch v.Kind() {
	case slog.KindString:
		e.text(v.String(), limitOf(key))
	case slog.KindInt64:
		e.buf = strconv.AppendInt(e.buf, v.Int64(), 10)
	case slog.KindUint64:
		e.buf = strconv.AppendUint(e.buf, v.Uint64(), 10)
	case slog.KindFloat64:
		e.float(v.Float64())
	case slog.KindBool:
		e.buf = strconv.AppendBool(e.buf, v.Bool())
	case slog.KindDuration:
		e.buf = append(append(append(e.buf, '"'), v.Duration().String()...), '"') // what people read; figures to compare are named …_ms
	case slog.KindTime:
		e.buf = append(e.buf, '"')
		e.buf = v.Time().AppendFormat(e.buf, time.RFC3339Nano)
		e.buf = append(e.buf, '"')
	default:
		e.any(key, v.Any())
	}
}

func limitOf(key string) int {
	if key == KeyStack {
		return maxStack
	}
	return maxString
}

// float writes what JSON cannot say (NaN, infinities) as a string.
func (e *encoder) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.buf = append(e.buf, '"')
		e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
		e.buf = append(e.buf, '"')
		return
	}
	e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
}
