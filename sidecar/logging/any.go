package logging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
)

const truncated = `"…[truncated]"`

// any appends a value of any type: an error by its text, the rest as encoding/json sees it, with secrets
// hidden by key at every depth. Foreign code runs in here (Error, MarshalJSON); its panic becomes the value.
func (e *encoder) any(key string, v any) {
	mark := len(e.buf)
	defer func() {
		if p := recover(); p != nil {
			e.buf = e.buf[:mark]
			e.text(fmt.Sprintf("!PANIC: %v", p), maxString)
		}
	}()
	_, marshals := v.(json.Marshaler)
	switch x := v.(type) {
	case error:
		if !marshals {
			e.text(x.Error(), limitOf(key))
			return
		}
	case *slog.Source:
		e.text(fmt.Sprintf("%s:%d", x.File, x.Line), maxString)
		return
	}
	e.marshalled(v)
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
		e.buf = append(e.buf, t...)
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
	if !secretKey(name) {
		return false, nil
	}
	e.buf = append(e.buf, `"`+redacted+`"`...)
	return true, skip(dec)
}

func (e *encoder) bounded(dec *json.Decoder, depth int) error {
	if depth <= maxDepth {
		return e.json(dec, depth)
	}
	e.buf = append(e.buf, truncated...)
	return skip(dec)
}

// cut ends an object or array with a mark in place of what is left of it.
func (e *encoder) cut(dec *json.Decoder, opening json.Delim) error {
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
