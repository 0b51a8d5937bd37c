package logging

import (
	"log/slog"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
)

// Bounds of one record. What exceeds them is cut with a mark; a record is never refused for its size.
const (
	maxMessage = 32 << 10  // bytes
	maxString  = 16 << 10  // bytes of one string value
	maxStack   = 64 << 10  // bytes of a value under KeyStack
	maxKey     = 128       // bytes
	maxAttrs   = 128       // of one record, those in groups included
	maxDepth   = 10        // groups within groups
	maxNested  = 100       // nameless groups within groups, which are inlined
	overscan   = 4 << 10   // bytes behind a limit that are searched for secrets
	maxLine    = 160 << 10 // bytes; an attribute that begins beyond it is dropped
)

// format is what all handlers of one Logs encode with.
type format struct {
	frames  *sync.Pool // *[]byte
	rules   *redact.Rules
	tally   *tally
	scales  *format // for lines that are only weighed
	guesses bool    // no code of the caller's is run, nor memory read that may change: such values have an assumed size
}

func newFormat(rules *redact.Rules, t *tally) *format {
	f := &format{rules: rules, tally: t}
	f.frames = &sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}
	f.scales = &format{frames: f.frames, rules: rules, tally: uncounted(), guesses: true}
	return f
}

// encoder appends the attributes of one record. Nothing that a caller passes makes it panic.
type encoder struct {
	format  *format
	buf     []byte
	count   int // attributes written
	dropped int // attributes that did not fit
	nested  int // nameless groups that are being inlined
}

// comma separates; the first thing after an opening brace, or in an empty buffer, gets none.
func (e *encoder) comma() {
	if n := len(e.buf); n > 0 && e.buf[n-1] != '{' && e.buf[n-1] != '[' {
		e.buf = append(e.buf, ',')
	}
}

func (e *encoder) key(k string) {
	e.comma()
	e.text(k, maxKey)
	e.buf = append(e.buf, ':')
}

// text looks for secrets somewhat behind the limit too: one that the cut goes through must not stay. For the same
// reason what was read only for that is never written, even where marks have made room for it.
func (e *encoder) text(s string, limit int) {
	size, behind := len(s), 0
	cut := size > limit+overscan
	if cut {
		s, behind = s[:runeStart(s, limit+overscan)], overscan
		if at := redact.Unfinished(s); at < len(s) {
			behind = max(0, behind-(len(s)-at))
			s = s[:at] + redact.Password.Mark()
		}
	}
	s = e.format.clean(s)
	if keep := min(limit, max(0, len(s)-behind)); cut || keep < len(s) {
		e.format.tally.texts.Inc()
		e.buf = appendCut(e.buf, s, keep, size)
		return
	}
	e.buf = append(e.buf, '"')
	e.buf = append(appendEscaped(e.buf, s), '"')
}

// hidden appends the mark of a value that is not written at all.
func (e *encoder) hidden(kind redact.Kind) {
	e.format.tally.found(kind)
	e.buf = append(append(append(e.buf, '"'), kind.Mark()...), '"')
}

func (e *encoder) full() bool { return e.count >= maxAttrs || len(e.buf) > maxLine }

// attr appends one attribute, or nothing for what slog says is to be left out. secret: it lies in a group
// whose name makes all of it a secret.
func (e *encoder) attr(a slog.Attr, secret bool, depth int) {
	if e.full() {
		e.dropped++
		return
	}
	v := a.Value
	if !e.format.guesses {
		v = v.Resolve()
	}
	if v.Kind() == slog.KindGroup {
		e.group(a.Key, v.Group(), secret, depth)
		return
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return
	}
	e.count++
	e.key(a.Key)
	if secret || e.format.rules.Key(a.Key) {
		e.hidden(redact.Key)
		return
	}
	e.value(a.Key, v)
}

// group appends a group; an empty one leaves no trace, one without a name is inlined.
func (e *encoder) group(name string, attrs []slog.Attr, secret bool, depth int) {
	if depth >= maxDepth || e.nested >= maxNested {
		e.dropped += len(attrs)
		return
	}
	if name == "" {
		e.nested++
		e.attrs(attrs, secret, depth)
		e.nested--
		return
	}
	mark := len(e.buf)
	e.open(name)
	start := len(e.buf)
	e.attrs(attrs, secret || e.format.rules.Key(name), depth+1)
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
		e.integer(v.Int64())
	case slog.KindUint64:
		e.unsigned(v.Uint64())
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
		if e.format.guesses {
			e.guess(v.Any())
			return
		}
		e.any(key, v.Any())
	}
}

func limitOf(key string) int {
	if key == KeyStack {
		return maxStack
	}
	return maxString
}

func (e *encoder) integer(v int64) {
	if v >= 0 {
		e.unsigned(uint64(v))
		return
	}
	e.buf = strconv.AppendInt(e.buf, v, 10)
}

// unsigned appends a number, unless it is a card's.
func (e *encoder) unsigned(v uint64) {
	if redact.IsCard(v) {
		e.hidden(redact.Card)
		return
	}
	e.buf = strconv.AppendUint(e.buf, v, 10)
}

// number appends one that is written already.
func (e *encoder) number(digits string) {
	if v, err := strconv.ParseUint(digits, 10, 64); err == nil && redact.IsCard(v) {
		e.hidden(redact.Card)
		return
	}
	e.buf = append(e.buf, digits...)
}

// float writes what JSON cannot say (NaN, infinities) as a string.
func (e *encoder) float(f float64) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.buf = append(e.buf, '"')
		e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
		e.buf = append(e.buf, '"')
		return
	}
	if f == math.Trunc(f) && f > 0 && f < 1<<63 && redact.IsCard(uint64(f)) {
		e.hidden(redact.Card)
		return
	}
	e.buf = strconv.AppendFloat(e.buf, f, 'g', -1, 64)
}
