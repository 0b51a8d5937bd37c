package ship

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	d := decode([]byte(`{"ts":"2026-11-21T11:00:00.000000005Z","level":"WARN+1","service":"s","instance":"i","logger":"s.x","msg":"say \"hi\"\u0000",` +
		`"trace_id":"4bf90000000000000000000000000001","span_id":"00000000000000ab","attrs":{"a":1,"f":1.5,"big":18446744073709551615,"t":true,` +
		`"n":null,"l":[1,"x",[]],"g":{"h":{},"k":"v"},"a":2}}`))
	if d.logger != "s.x" || d.SeverityNumber != logs.SeverityNumber(14) || d.SeverityText != "WARN+1" || d.Body.GetStringValue() != "say \"hi\"\x00" {
		t.Errorf("decoded %v of %s", d.LogRecord, d.logger)
	}
	if len(d.TraceId) != 16 || len(d.SpanId) != 8 || d.TimeUnixNano != uint64(time.Date(2026, 11, 21, 11, 0, 0, 5, time.UTC).UnixNano()) {
		t.Errorf("decoded %v", d.LogRecord)
	}
	want := map[string]any{"a": int64(2), "f": 1.5, "big": float64(1 << 64), "t": true, "n": nil,
		"l": []any{int64(1), "x", []any{}}, "g": map[string]any{"h": map[string]any{}, "k": "v"}}
	if diff := cmp.Diff(want, plainPairs(d.Attributes)); diff != "" {
		t.Error(diff)
	}
}

func plainPairs(all []*common.KeyValue) map[string]any {
	m := map[string]any{}
	for _, kv := range all {
		m[kv.Key] = plain(kv.Value)
	}
	return m
}

func plain(v *common.AnyValue) any {
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return x.StringValue
	case *common.AnyValue_IntValue:
		return x.IntValue
	case *common.AnyValue_DoubleValue:
		return x.DoubleValue
	case *common.AnyValue_BoolValue:
		return x.BoolValue
	case *common.AnyValue_KvlistValue:
		return plainPairs(x.KvlistValue.Values)
	case *common.AnyValue_ArrayValue:
		list := []any{}
		for _, e := range x.ArrayValue.Values {
			list = append(list, plain(e))
		}
		return list
	}
	return nil
}

func TestOddLinesAreShippedAsText(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "{", "plain words", `{"msg":1}`, `{"ts":"x"}`, `{"msg":"a","attrs":{"a":}}`, `{"msg":"a\`} {
		d := decode([]byte(line))
		if d.Body.GetStringValue() != line || d.TimeUnixNano != 0 || d.ObservedTimeUnixNano == 0 {
			t.Errorf("%q became %v", line, d.LogRecord)
		}
	}
	if d := decode([]byte(`{"ts":"300000-01-01T00:00:00Z","msg":"far"}`)); d.TimeUnixNano != 0 || d.Body.GetStringValue() != "far" {
		t.Errorf("a far year became %v", d.LogRecord)
	}
}

// FuzzParser: whatever it accepts, encoding/json accepts too, and it never reads past the end.
func FuzzParser(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\n",null,true,{}]}`, `"\ud800"`, `[[[`, `-`, `{"a"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := parser{b: b}
		if _, ok := p.value(); ok && p.at > len(b) {
			t.Errorf("read %d of %d", p.at, len(b))
		}
		if json.Valid(b) {
			decode(b)
		}
	})
}
