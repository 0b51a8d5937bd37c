package record

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Span is a part of a request in protobuf's wire format, twice: texts are taken from the one form without being copied,
// the rest is read from the other.
type Span struct {
	raw  []byte
	text string
}

// NewSpan is all of a request.
func NewSpan(raw []byte) Span { return Span{raw, string(raw)} }

// Field is one of a message. Of a fixed or varint type it has a Number, of bytes a Span.
type Field struct {
	num    protowire.Number
	kind   protowire.Type
	Number uint64
	Span
}

// Is reports whether the field has this number and type; with another type it is one that nobody knows.
func (f *Field) Is(num protowire.Number, kind protowire.Type) bool {
	return f.num == num && f.kind == kind
}

// Empty reports the end.
func (s *Span) Empty() bool { return len(s.raw) == 0 }

// Raw are the bytes; they are not the caller's.
func (s *Span) Raw() []byte { return s.raw }

// Text is the bytes as text; false: they are none.
func (s *Span) Text() (string, bool) { return s.text, utf8.ValidString(s.text) }

// Next takes a field off the front. False: what stands there is no field, or a group, which OTLP has none of.
func (s *Span) Next(f *Field) bool {
	num, kind, n := protowire.ConsumeTag(s.raw)
	if n < 0 || num > protowire.MaxValidNumber { // which protowire lets through, and messages do not
		return false
	}
	f.num, f.kind = num, kind
	size := 0
	switch kind {
	case protowire.VarintType:
		f.Number, size = protowire.ConsumeVarint(s.raw[n:])
	case protowire.Fixed64Type:
		f.Number, size = protowire.ConsumeFixed64(s.raw[n:])
	case protowire.Fixed32Type:
		var v uint32
		v, size = protowire.ConsumeFixed32(s.raw[n:])
		f.Number = uint64(v)
	case protowire.BytesType:
		var inner []byte
		inner, size = protowire.ConsumeBytes(s.raw[n:])
		if size >= 0 {
			from := n + size - len(inner)
			f.Span = Span{inner, s.text[from : n+size]}
		}
	default:
		return false
	}
	if size < 0 {
		return false
	}
	s.raw, s.text = s.raw[n+size:], s.text[n+size:]
	return true
}
