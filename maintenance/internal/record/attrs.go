package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// few keys are compared one with the other; more are looked up.
const few = 32

// keys of one object, which are unique: one that comes twice is kept twice, with a number.
type keys struct {
	list [few]string
	n    int
	more map[string]struct{} // all, once they are more than a few
}

func (k *keys) add(key string) string {
	unique := key
	for n := 2; k.has(unique); n++ {
		unique = key + "#" + strconv.Itoa(n)
	}
	if k.n < few {
		k.list[k.n] = unique
	}
	if k.n++; k.n == few {
		k.more = map[string]struct{}{}
		for _, key := range k.list {
			k.more[key] = struct{}{}
		}
	} else if k.n > few {
		k.more[unique] = struct{}{}
	}
	return unique
}

func (k *keys) has(key string) bool {
	if k.n >= few {
		_, taken := k.more[key]
		return taken
	}
	return slices.Contains(k.list[:k.n], key)
}

// encode is the object as JSON, or a note in its place when it is too large. extra is a last attribute, if it has a key.
func encode(all []*commonpb.KeyValue, extra [2]string) json.RawMessage {
	raw := appendObject(make([]byte, 0, sizeOf(all)), all, extra, 0)
	if len(raw) > maxAttrs {
		return fmt.Appendf(nil, `{"signalbox.cut":"attributes of %d bytes"}`, len(raw))
	}
	return raw
}

// sizeOf the object, about.
func sizeOf(all []*commonpb.KeyValue) int {
	n := 64
	for _, kv := range all {
		n += len(kv.GetKey()) + min(len(kv.GetValue().GetStringValue()), maxText) + 16
	}
	return n
}

// appendObject turns OTLP attributes into JSON, in their order.
func appendObject(b []byte, all []*commonpb.KeyValue, extra [2]string, depth int) []byte {
	var names keys
	b = append(b, '{')
	for i, kv := range all {
		if i == maxItems {
			b = appendKey(b, &names, "signalbox.cut")
			b = appendText(b, fmt.Sprintf("%d attributes more", len(all)-maxItems))
			break
		}
		b = appendKey(b, &names, clean(kv.GetKey(), maxName))
		b = appendValue(b, kv.GetValue(), depth)
	}
	if extra[0] != "" {
		b = appendKey(b, &names, extra[0])
		b = appendText(b, extra[1])
	}
	return append(b, '}')
}

func appendKey(b []byte, names *keys, key string) []byte {
	if names.n > 0 {
		b = append(b, ',')
	}
	return append(appendText(b, names.add(key)), ':')
}

func appendValue(b []byte, v *commonpb.AnyValue, depth int) []byte {
	if depth > maxDepth {
		return appendText(b, "…[too deep]")
	}
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return appendText(b, clean(v.StringValue, maxText))
	case *commonpb.AnyValue_BoolValue:
		return strconv.AppendBool(b, v.BoolValue)
	case *commonpb.AnyValue_IntValue:
		return strconv.AppendInt(b, v.IntValue, 10)
	case *commonpb.AnyValue_DoubleValue:
		return appendNumber(b, v.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		return appendText(b, clean(base64.StdEncoding.EncodeToString(v.BytesValue), maxText))
	case *commonpb.AnyValue_KvlistValue:
		return appendObject(b, v.KvlistValue.GetValues(), [2]string{}, depth+1)
	case *commonpb.AnyValue_ArrayValue:
		return appendList(b, v.ArrayValue.GetValues(), depth+1)
	default:
		return append(b, "null"...)
	}
}

func appendList(b []byte, all []*commonpb.AnyValue, depth int) []byte {
	b = append(b, '[')
	for i, v := range all {
		if i > 0 {
			b = append(b, ',')
		}
		if i == maxItems {
			b = appendText(b, fmt.Sprintf("…[%d more]", len(all)-maxItems))
			break
		}
		b = appendValue(b, v, depth)
	}
	return append(b, ']')
}

// appendNumber is f as encoding/json has it, or its name where JSON has none for it.
func appendNumber(b []byte, f float64) []byte {
	switch abs := math.Abs(f); {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return appendText(b, strconv.FormatFloat(f, 'g', -1, 64))
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		raw, _ := json.Marshal(f) // a finite number
		return append(b, raw...)
	default:
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
}

// appendText is s, which is valid UTF-8, as JSON.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
	}
	return append(append(b, s[from:]...), '"')
}
