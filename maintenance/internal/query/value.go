package query

import (
	"bytes"
	"encoding/json"
)

// Attr is one thing that the attributes of a record hold: a value, a group or a list. A list stands there itself,
// and then each of its elements under the same name.
type Attr struct {
	Name string // all keys from the top, joined by dots: {"a":{"b.c":1}} has a and a.b.c
	Key  string // the last of them as it stands there; "" for the element of a list
	Value
}

// Value of an attribute.
type Value struct {
	Kind ValueKind
	Text string // of Truth, Digits and Phrase: decoded; numbers as they are written; of Null "null"; else ""
}

// ValueKind tells what JSON an attribute is.
type ValueKind uint8

// The kinds of values. The first three have a text to compare.
const (
	Phrase ValueKind = iota // a JSON string
	Digits                  // a number
	Truth                   // true or false
	Null
	Group // an object
	List  // an array
)

// Scalar reports whether the value has a text to compare.
func (v Value) Scalar() bool { return v.Kind <= Truth }

// Attrs calls visit for everything in the JSON object, in its order; a key that comes twice is visited twice. What is
// no JSON object has no attributes.
func Attrs(object []byte, visit func(Attr)) {
	if first := bytes.TrimLeft(object, " \t\r\n"); len(first) == 0 || first[0] != '{' || !json.Valid(object) {
		return
	}
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	if _, err := d.Token(); err == nil {
		members(d, "", visit)
	}
}

// members visits what is left of an object; prefix is its name with a dot, or "".
func members(d *json.Decoder, prefix string, visit func(Attr)) {
	for d.More() {
		token, err := d.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return
		}
		value(d, Attr{Name: prefix + key, Key: key}, visit)
	}
	_, _ = d.Token() // the end; the text is known to be valid
}

func value(d *json.Decoder, a Attr, visit func(Attr)) {
	token, err := d.Token()
	if err != nil {
		return
	}
	a.Value = valueOf(token)
	visit(a)
	switch a.Kind {
	case Group:
		members(d, a.Name+".", visit)
	case List:
		for d.More() {
			value(d, Attr{Name: a.Name}, visit)
		}
		_, _ = d.Token()
	}
}

func valueOf(token json.Token) Value {
	switch t := token.(type) {
	case string:
		return Value{Phrase, t}
	case json.Number:
		return Value{Digits, t.String()}
	case bool:
		if t {
			return Value{Truth, "true"}
		}
		return Value{Truth, "false"}
	case json.Delim:
		if t == '{' {
			return Value{Kind: Group}
		}
		return Value{Kind: List}
	default:
		return Value{Null, "null"}
	}
}

// Tokens are texts by which a filter over many records can find the value: whatever equals it (Compare of Op Equal
// without wildcards, and not a Timespan) has one of them among the Values of its Pair. Only scalars have any.
func (v Value) Tokens() []string {
	if !v.Scalar() {
		return nil
	}
	if n, ok := ParseNumber(v.Text); ok && v.Kind == Digits && n.String() != v.Text {
		return []string{v.Text, n.String()}
	}
	return []string{v.Text}
}
