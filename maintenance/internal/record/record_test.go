package record

import (
	"encoding/json"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

func str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func num(n int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}
}

func real(f float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: f}}
}

func kv(k string, v *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: v}
}

func clock() Clock {
	return Clock{Now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Retention: 7 * 24 * time.Hour}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	res := Resource(&resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		kv("service.name", str("catalogs")), kv("service.instance.id", str("catalogs-1")),
		kv("signalbox.epoch", str("e1")), kv("service.version", str("1.2")), kv("k8s.node.name", str("n")),
	}})
	c := clock()
	got := From(res, "catalogs.store", &logspb.LogRecord{
		TimeUnixNano: uint64(c.Now.UnixNano()), SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_WARN, Body: str("slow"),
		TraceId: []byte(strings.Repeat("\x4b", 16)), SpanId: make([]byte, 8),
		Attributes: []*commonpb.KeyValue{kv("signalbox.seq", num(3)), kv("id", num(1)), kv("id", num(2)), kv("signalbox.class", str("warn")), kv("signalbox.seq", num(7))},
	}, c)
	if got.Level != slog.LevelWarn || got.Msg != "slow" || got.Seq != 7 || got.Class != "warn" || got.Node != "n" ||
		got.TraceID != strings.Repeat("4b", 16) || got.SpanID != "" || !got.TS.Equal(c.Now) || got.Expired {
		t.Errorf("record: %+v", got)
	}
	if string(got.Attrs) != `{"signalbox.seq":3,"id":1,"id#2":2}` {
		t.Errorf("attributes: %s", got.Attrs)
	}
	if s, ok := got.Stream(); !ok || s != (Stream{"catalogs", "catalogs-1", "e1", "warn"}) {
		t.Errorf("stream: %v %v", s, ok)
	}
}

// L-9: whatever comes, what goes into the store is storable.
func TestL9_PoisonIsMadeStorable(t *testing.T) {
	t.Parallel()
	deep := str("end")
	for range 200 {
		deep = &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{kv("g", deep)}}}}
	}
	wide := &commonpb.ArrayValue{}
	for range 5000 {
		wide.Values = append(wide.Values, str(strings.Repeat("w", 1000)))
	}
	for name, v := range map[string]*commonpb.AnyValue{
		"nul": str("a\x00b"), "utf8": str("a\xff\xc3"), "huge": str(strings.Repeat("ä", 5<<20)), "max": real(1e308), "nan": real(math.NaN()),
		"inf": real(math.Inf(-1)), "deep": deep, "nil": nil, "wide": {Value: &commonpb.AnyValue_ArrayValue{ArrayValue: wide}},
		"bytes": {Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 255}}},
	} {
		rec := From(Record{}, "l\x00g", &logspb.LogRecord{Body: v, Attributes: []*commonpb.KeyValue{kv("k\x00", v), kv("id", v)}}, clock())
		var back map[string]any
		if err := json.Unmarshal(rec.Attrs, &back); err != nil {
			t.Errorf("%s: attributes: %v", name, err)
		}
		if all := rec.Msg + rec.Logger + string(rec.Attrs); !utf8.ValidString(all) || strings.Contains(all, "\x00") || strings.Contains(all, `\u0000`) {
			t.Errorf("%s: not storable: %.80q", name, all)
		}
		if len(rec.Msg) > 3*MaxMessage || len(rec.Attrs) > maxAttrs {
			t.Errorf("%s: too large: %d and %d bytes", name, len(rec.Msg), len(rec.Attrs))
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	c := clock()
	for name, tc := range map[string]struct {
		in        uint64
		want      time.Time
		old, kept bool
	}{
		"none":          {0, c.Now, false, false},
		"now":           {uint64(c.Now.UnixNano()), c.Now, false, false},
		"a bit ahead":   {uint64(c.Now.Add(9 * time.Minute).UnixNano()), c.Now.Add(9 * time.Minute), false, false},
		"ahead":         {uint64(c.Now.Add(11 * time.Minute).UnixNano()), c.Now, false, true},
		"end of time":   {math.MaxUint64, c.Now, false, true},
		"beyond memory": {1, time.Unix(0, 1), true, false},
	} {
		rec := From(Record{}, "", &logspb.LogRecord{TimeUnixNano: tc.in}, c)
		if !rec.TS.Equal(tc.want) || rec.Expired != tc.old || strings.Contains(string(rec.Attrs), attrOriginal) != tc.kept {
			t.Errorf("%s: %v expired=%v %s", name, rec.TS, rec.Expired, rec.Attrs)
		}
	}
}
