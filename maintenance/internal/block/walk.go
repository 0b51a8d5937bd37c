package block

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// deepest is how far values may be nested; record.From cuts long before.
const deepest = 256

// walk calls fn with what query.Attrs visits, as the bytes that it reads; fn must not keep them.
func walk(object []byte, fn func(name, text []byte, kind query.ValueKind)) bool {
	w := walker{in: object, fn: fn, path: make([]byte, 0, 64)}
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	return w.value(0) && w.at == len(w.in)
}

// walkValue walks what is a value of that name; an object is one as a whole, and has no name itself.
func walkValue(raw, name string, fn func(path, text []byte, kind query.ValueKind)) {
	w := walker{in: bytesOf(raw), fn: fn, path: append(make([]byte, 0, 64), name...)}
	depth := 1
	if raw[0] == '{' {
		depth, w.path = 0, w.path[:0]
	}
	w.value(depth)
}

type walker struct {
	in    []byte
	at    int
	path  []byte
	fn    func(name, text []byte, kind query.ValueKind)
	spare []byte
}

// next is the next byte that is no blank; 0 at the end. Line ends are no blanks: an object is one line.
func (w *walker) next() byte {
	for w.at < len(w.in) && w.in[w.at] == ' ' {
		w.at++
	}
	if w.at == len(w.in) {
		return 0
	}
	return w.in[w.at]
}

func (w *walker) value(depth int) bool {
	switch c := w.next(); {
	case depth > deepest:
		return false
	case c == '{':
		w.opens(depth, query.Group)
		return w.list(depth, '}', w.member)
	case c == '[':
		w.opens(depth, query.List)
		return w.list(depth, ']', w.element)
	case c == '"':
		text, ok := w.text()
		if ok {
			w.fn(w.path, text, query.Phrase)
		}
		return ok
	case c == 't':
		return w.word("true")
	case c == 'f':
		return w.word("false")
	case c == 'n':
		return w.word("null")
	default:
		return w.number()
	}
}

func (w *walker) opens(depth int, kind query.ValueKind) {
	if depth > 0 {
		w.fn(w.path, nil, kind)
	}
}

// list walks what stands between an opening bracket and end.
func (w *walker) list(depth int, end byte, one func(depth int) bool) bool {
	w.at++
	if w.next() == end {
		w.at++
		return true
	}
	for {
		if !one(depth) {
			return false
		}
		c := w.next()
		w.at++
		if c == end {
			return true
		}
		if c != ',' {
			return false
		}
	}
}

func (w *walker) member(depth int) bool {
	before, ok := w.name(depth)
	if !ok {
		return false
	}
	ok = w.value(depth + 1)
	w.path = w.path[:before]
	return ok
}

// name reads a member's name and its colon, and makes the path longer; before is where it ended.
func (w *walker) name(depth int) (before int, ok bool) {
	if w.next() != '"' {
		return 0, false
	}
	key, ok := w.text()
	if !ok {
		return 0, false
	}
	before = w.enter(depth)
	w.path = append(w.path, key...)
	if w.next() != ':' {
		return 0, false
	}
	w.at++
	w.next() // to where the value begins
	return before, true
}

// element has the name of its list.
func (w *walker) element(depth int) bool { return w.value(depth + 1) }

// enter begins a longer path, and returns where the present one ends.
func (w *walker) enter(depth int) (before int) {
	before = len(w.path)
	if depth > 0 {
		w.path = append(w.path, '.')
	}
	return before
}

// text reads a string.
func (w *walker) text() ([]byte, bool) {
	w.at++
	start, plain := w.at, true
	for w.at < len(w.in) {
		switch c := w.in[w.at]; {
		case c > '\\' || c > '"' && c != '\\': // nearly always
		case c == '"':
			raw := w.in[start:w.at]
			w.at++
			if plain {
				return raw, true
			}
			return w.unescape(raw)
		case c == '\\':
			plain = false
			w.at++
		case c < ' ':
			return nil, false
		}
		w.at++
	}
	return nil, false
}

// unescape is the string's text; false for an escape that jsonb refuses: NUL, or half a surrogate pair, which
// encoding/json replaces without a word.
func (w *walker) unescape(raw []byte) ([]byte, bool) {
	var text string
	if json.Unmarshal(w.in[w.at-len(raw)-2:w.at], &text) != nil || bytes.IndexByte([]byte(text), 0) >= 0 {
		return nil, false
	}
	if bytes.ContainsRune([]byte(text), utf8.RuneError) && halfPair(raw) {
		return nil, false
	}
	w.spare = append(w.spare[:0], text...)
	return w.spare, true
}

func (w *walker) word(word string) bool {
	if !bytes.HasPrefix(w.in[w.at:], []byte(word)) {
		return false
	}
	w.at += len(word)
	kind := query.Truth
	if word == "null" {
		kind = query.Null
	}
	w.fn(w.path, []byte(word), kind)
	return true
}

// longest number, in digits, and in digits of its exponent: numeric knows more, nobody who logs does.
const (
	longest  = 400
	exponent = 4
)

// number reads what JSON calls one: -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?
func (w *walker) number() bool {
	start := w.at
	if w.at < len(w.in) && w.in[w.at] == '-' {
		w.at++
	}
	zero := w.at < len(w.in) && w.in[w.at] == '0'
	if n := w.digits(); n == 0 || n > 1 && zero {
		return false
	}
	if w.at < len(w.in) && w.in[w.at] == '.' {
		w.at++
		if w.digits() == 0 {
			return false
		}
	}
	if w.at < len(w.in) && w.in[w.at]|0x20 == 'e' {
		w.at++
		if w.at < len(w.in) && (w.in[w.at] == '+' || w.in[w.at] == '-') {
			w.at++
		}
		if n := w.digits(); n == 0 || n > exponent {
			return false
		}
	}
	if w.at-start > longest {
		return false
	}
	w.fn(w.path, w.in[start:w.at], query.Digits)
	return true
}

func (w *walker) digits() (n int) {
	for w.at < len(w.in) && '0' <= w.in[w.at] && w.in[w.at] <= '9' {
		w.at++
		n++
	}
	return n
}
