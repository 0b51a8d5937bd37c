package ingest

import (
	"bytes"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// replacement stands for what is no text.
const replacement = "\uFFFD"

// mendProtobuf makes valid UTF-8 of every text in raw: senders in other languages do not look, and Go's decoder would
// refuse the whole batch for one byte.
func mendProtobuf(raw []byte, kind protoreflect.MessageDescriptor, depth int) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/16)
	for len(raw) > 0 {
		num, wire, tag := protowire.ConsumeTag(raw)
		if tag < 0 || depth == maxNesting {
			return append(out, raw...)
		}
		size := protowire.ConsumeFieldValue(num, wire, raw[tag:])
		if size < 0 {
			return append(out, raw...)
		}
		field := kind.Fields().ByNumber(num)
		inner, _ := protowire.ConsumeBytes(raw[tag:])
		switch {
		case field == nil || wire != protowire.BytesType:
			out = append(out, raw[:tag+size]...)
		case field.Kind() == protoreflect.StringKind:
			out = protowire.AppendBytes(append(out, raw[:tag]...), bytes.ToValidUTF8(inner, []byte(replacement)))
		case field.Message() != nil:
			out = protowire.AppendBytes(append(out, raw[:tag]...), mendProtobuf(inner, field.Message(), depth+1))
		default:
			out = append(out, raw[:tag+size]...)
		}
		raw = raw[tag+size:]
	}
	return out
}

// mendJSON does the same for JSON, where half of a surrogate pair is no text either: JavaScript writes it.
func mendJSON(raw []byte) []byte {
	raw = bytes.ToValidUTF8(raw, []byte(replacement))
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 || i+1 == len(raw) {
			return append(out, raw...)
		}
		out, raw = append(out, raw[:i]...), raw[i:]
		n := min(2, len(raw))
		switch high := surrogate(raw); {
		case high >= 0xD800 && high < 0xDC00 && surrogate(raw[6:]) >= 0xDC00: // a pair
			n = 12
		case high > 0:
			out, raw, n = append(out, replacement...), raw[6:], 0
		}
		out, raw = append(out, raw[:n]...), raw[n:]
	}
	return out
}

// surrogate is the half of a pair that raw begins with, or 0.
func surrogate(raw []byte) uint64 {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0
	}
	r, err := strconv.ParseUint(string(raw[2:6]), 16, 32)
	if err != nil || r < 0xD800 || r > 0xDFFF {
		return 0
	}
	return r
}
