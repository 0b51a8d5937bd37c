package ship

import (
	"encoding/json"
	"testing"
	"time"

	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// same reports what is different between the quick way and the one by the tree; quick is whether the quick way was gone.
func same(t interface {
	Fatalf(format string, args ...any)
}, line []byte) (quick bool) {
	var w, slow wire
	if err := slow.unusual(spool.Record{Line: line, Seq: 7}, "info"); err != nil {
		return false
	}
	if !w.line(line, "info", 7) {
		return false
	}
	got, want := &logs.LogRecord{}, &logs.LogRecord{}
	if err := proto.Unmarshal(w.b, got); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if err := proto.Unmarshal(slow.b, want); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if want.TimeUnixNano == 0 {
		want.ObservedTimeUnixNano, got.ObservedTimeUnixNano = 0, 0 // now
	}
	if !proto.Equal(got, want) || string(w.logger) != string(slow.logger) {
		t.Fatalf("%s:\n%v of %q, want\n%v of %q", line, got, w.logger, want, slow.logger)
	}
	return true
}

func lineOf(msg, logger string, attrs any) []byte {
	text := func(v any) string { raw, _ := json.Marshal(v); return string(raw) }
	return []byte(`{"ts":"` + time.Now().UTC().Format(time.RFC3339Nano) + `","level":"WARN","service":"s","instance":"i","logger":` + text(logger) +
		`,"msg":` + text(msg) + `,"trace_id":"4bf90000000000000000000000000001","span_id":"00000000000000ab","attrs":` + text(attrs) + `}`)
}

// The quick way writes what the tree does, and what services log goes that way.
func TestTheQuickWayIsTheSame(t *testing.T) {
	t.Parallel()
	s := loglines.Random(1)
	for range 1000 {
		l := s.Next()
		if !same(t, lineOf(l.Msg, l.Logger, json.RawMessage(l.Attrs))) {
			t.Fatalf("%s does not go the quick way", l.Attrs)
		}
	}
	for line, quick := range map[string]bool{
		`{"msg":"","attrs":{}}`: true, `{"msg":"a","attrs":{"l":[1,"x",[],{}],"g":{"h":{},"k":"v\n"},"n":null,"f":1.5,"big":18446744073709551615}}`: true,
		`{"msg":"a","attrs":{"a":1,"a":2}}`: false, `{"msg":"a","attrs":{"signalbox.seq":2}}`: false, `{"msg":"a","attrs":{"g":{"signalbox.seq":2}}}`: true,
		`{"attrs":{}}`: false, `{"msg":"a"`: false, `no line`: false, `{"msg":"a","attrs":{},"attrs":{}}`: false, `{"msg":"a","trace_id":"zz"}`: false, `{"msg":"a","trace_id":"","level":"odd"}`: true,
		`{"msg":"a","trace_id":"00","trace_id":""}`: false,
	} {
		if same(t, []byte(line)) != quick {
			t.Errorf("%s: quick is %v", line, !quick)
		}
	}
}

func TestTheQuickWayIsTheSameForWhatever(t *testing.T) {
	t.Parallel()
	value := rapid.Deferred(func() *rapid.Generator[any] { return anything(3) })
	rapid.Check(t, func(t *rapid.T) {
		attrs := rapid.MapOf(rapid.String(), value).Draw(t, "attrs")
		same(t, lineOf(rapid.String().Draw(t, "msg"), rapid.String().Draw(t, "logger"), attrs))
	})
}

func anything(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Float64Range(-1e30, 1e30).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil)}
	if depth > 0 {
		kinds = append(kinds, rapid.SliceOfN(anything(depth-1), 0, 4).AsAny(), rapid.MapOfN(rapid.String(), anything(depth-1), 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func FuzzQuick(f *testing.F) {
	f.Add(lineOf("a", "b", map[string]any{"k": []any{1, "x"}}))
	f.Fuzz(func(t *testing.T, line []byte) { same(t, line) })
}
