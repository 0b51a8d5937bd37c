package record

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// object turns OTLP attributes into what encoding/json can say. A key that comes twice is kept twice.
func object(all []*commonpb.KeyValue, depth int) map[string]any {
	o := make(map[string]any, len(all))
	for i, kv := range all {
		if i == maxItems {
			o["signalbox.cut"] = fmt.Sprintf("%d attributes more", len(all)-maxItems)
			break
		}
		put(o, clean(kv.GetKey(), maxName), value(kv.GetValue(), depth))
	}
	return o
}

func put(o map[string]any, key string, v any) {
	unique := key
	for n := 2; ; n++ {
		if _, taken := o[unique]; !taken {
			o[unique] = v
			return
		}
		unique = key + "#" + strconv.Itoa(n)
	}
}

func value(v *commonpb.AnyValue, depth int) any {
	if depth > maxDepth {
		return "…[too deep]"
	}
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return clean(v.StringValue, maxText)
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return number(v.DoubleValue)
	case *commonpb.AnyValue_BytesValue:
		return clean(base64.StdEncoding.EncodeToString(v.BytesValue), maxText)
	case *commonpb.AnyValue_KvlistValue:
		return object(v.KvlistValue.GetValues(), depth+1)
	case *commonpb.AnyValue_ArrayValue:
		return list(v.ArrayValue.GetValues(), depth+1)
	default:
		return nil
	}
}

// number is f, or its name where JSON has none for it.
func number(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return f
}

func list(all []*commonpb.AnyValue, depth int) []any {
	l := make([]any, 0, min(len(all), maxItems+1))
	for i, v := range all {
		if i == maxItems {
			return append(l, fmt.Sprintf("…[%d more]", len(all)-maxItems))
		}
		l = append(l, value(v, depth))
	}
	return l
}

// encode is the object as JSON, or a note in its place when it is too large.
func encode(o map[string]any) json.RawMessage {
	raw, err := json.Marshal(o)
	if err != nil {
		raw, _ = json.Marshal(map[string]any{"signalbox.cut": "attributes cannot be encoded"})
	}
	if len(raw) > maxAttrs {
		raw, _ = json.Marshal(map[string]any{"signalbox.cut": fmt.Sprintf("attributes of %d bytes", len(raw))})
	}
	return raw
}
