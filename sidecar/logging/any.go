package logging

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
)

const truncated = `"…[truncated]"`

// any appends a value of any type: an error or a Stringer by its text, the rest as encoding/json sees it, with
// secrets hidden by key and by shape at every depth. Foreign code runs in here (Error, String, MarshalJSON); its
// panic becomes the value, or null if the receiver is a nil pointer.
func (e *encoder) any(key string, v any) {
	mark := len(e.buf)
	defer func() {
		if p := recover(); p != nil {
			e.buf = e.buf[:mark]
			e.panicked(v, p)
		}
	}()
	if v == nil {
		e.buf = append(e.buf, "null"...)
		return
	}
	switch x := v.(type) {
	case []error:
		e.errors(x)
		return
	case *url.Userinfo: // its text is user:password
		e.hidden(redact.Password)
		return
	}
	if text, ok := textOf(v); ok {
		e.text(text, limitOf(key))
		return
	}
	if left := (budget{maxNodes, maxBytes}); !left.fits(reflect.ValueOf(v), 0) {
		e.tooLarge(v)
		return
	}
	e.marshalled(v)
}

// textOf is what a value says of itself, unless it says so as JSON or is better read as such.
func textOf(v any) (text string, ok bool) {
	switch x := v.(type) {
	case json.Marshaler:
	case error:
		return x.Error(), true
	case *slog.Source:
		return fmt.Sprintf("%s:%d", x.File, x.Line), true
	case encoding.TextMarshaler:
	case fmt.Stringer:
		return x.String(), true
	case []byte:
		return string(x), utf8.Valid(x)
	}
	return "", false
}

func (e *encoder) panicked(v, p any) {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		e.buf = append(e.buf, "null"...)
		return
	}
	e.text(fmt.Sprintf("!PANIC: %v", p), maxString)
}

// errors appends a list of errors, which encoding/json would leave empty.
func (e *encoder) errors(all []error) {
	e.buf = append(e.buf, '[')
	for i, err := range all {
		e.comma()
		if i >= maxAttrs || len(e.buf) > maxLine {
			e.format.tally.texts.Inc()
			e.buf = append(e.buf, truncated...)
			break
		}
		e.any("", err)
	}
	e.buf = append(e.buf, ']')
}

// tooLarge says what is not written, for not even its beginning is to be had without the whole.
func (e *encoder) tooLarge(v any) {
	e.format.tally.texts.Inc()
	what := fmt.Sprintf("…[truncated, a %T", v)
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		what += fmt.Sprintf(" of %d elements", r.Len())
	default:
		what += " too large or cyclic"
	}
	e.buf = appendQuoted(e.buf, what+"]", maxString)
}

func (e *encoder) marshalled(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		e.text("!ERROR: "+err.Error(), maxString)
		return
	}
	dec := json.NewDecoder(&b)
	dec.UseNumber()
	mark := len(e.buf)
	if err := e.json(dec, 0); err != nil {
		e.buf = e.buf[:mark]
		e.text("!ERROR: "+err.Error(), maxString)
	}
}

// json copies the next value of dec.
func (e *encoder) json(dec *json.Decoder, depth int) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		return e.composite(dec, t, depth)
	case string:
		e.text(t, maxString)
	case json.Number:
		e.number(t.String())
	case bool:
		e.buf = fmt.Append(e.buf, t)
	default:
		e.buf = append(e.buf, "null"...)
	}
	return nil
}

// composite copies the rest of an object or array whose opening was read.
func (e *encoder) composite(dec *json.Decoder, opening json.Delim, depth int) error {
	e.buf = append(e.buf, byte(opening))
	for dec.More() {
		if len(e.buf) > maxLine {
			return e.cut(dec, opening)
		}
		if opening == '[' {
			e.comma()
		} else if hidden, err := e.member(dec); err != nil {
			return err
		} else if hidden {
			continue
		}
		if err := e.bounded(dec, depth+1); err != nil {
			return err
		}
	}
	closing, err := dec.Token()
	if err != nil {
		return err
	}
	e.buf = append(e.buf, byte(closing.(json.Delim)))
	return nil
}

// member copies a key; if its value is a secret, it takes that too.
func (e *encoder) member(dec *json.Decoder) (hidden bool, err error) {
	token, err := dec.Token()
	if err != nil {
		return false, err
	}
	name, _ := token.(string)
	e.key(name)
	if !e.format.rules.Key(name) {
		return false, nil
	}
	e.hidden(redact.Key)
	return true, skip(dec)
}

func (e *encoder) bounded(dec *json.Decoder, depth int) error {
	if depth <= maxDepth {
		return e.json(dec, depth)
	}
	e.format.tally.texts.Inc()
	e.buf = append(e.buf, truncated...)
	return skip(dec)
}

// cut ends an object or array with a mark in place of what is left of it.
func (e *encoder) cut(dec *json.Decoder, opening json.Delim) error {
	e.format.tally.texts.Inc()
	e.comma()
	if opening == '{' {
		e.buf = append(e.buf, `"…":`...)
	}
	e.buf = append(e.buf, truncated...)
	for dec.More() {
		if err := skip(dec); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	e.buf = append(e.buf, byte(opening)+2) // the closing one, in ASCII
	return err
}

func skip(dec *json.Decoder) error {
	var ignored json.RawMessage
	return dec.Decode(&ignored)
}
