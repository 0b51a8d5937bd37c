package lease

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func isObject(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "{") }

// object decodes a value that has no shorter form; otherwise says what it must be.
func object(text string, into any, otherwise string) []problem.Field {
	if !isObject(text) {
		return []problem.Field{field("", otherwise)}
	}
	return decode(text, into)
}

// decode reads exactly one object; a part that there is not, or that is of another type, is named.
func decode(text string, into any) []problem.Field {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		err = errors.New("there is something behind the object")
	}
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return []problem.Field{field(strings.ReplaceAll(wrong.Field, ".", "/"), "must be a "+typeName(wrong.Type.Kind().String()))}
	}
	if quoted, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if name, err := strconv.Unquote(quoted); err == nil && short(name) {
			return []problem.Field{field(name, "this kind of lease has no such part")}
		}
	}
	return []problem.Field{field("", "this is no JSON object")}
}

func typeName(kind string) string {
	switch {
	case kind == "string":
		return "text"
	case strings.HasPrefix(kind, "int"):
		return "whole number"
	case strings.HasPrefix(kind, "float"):
		return "number"
	default:
		return "JSON object"
	}
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // the kinds' values hold finite numbers and texts
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain text can be stored, and shown.
func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// short text is a condition: one line, as a header or a name has it.
func short(s string) bool {
	return len(s) <= 256 && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
