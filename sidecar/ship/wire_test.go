package ship

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
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

// A request says what a tree of it would say, whichever way its records went: whose they are, each under its logger, in
// order, with its place in the ledger.
func TestARequestIsTheSameAsItsTree(t *testing.T) {
	t.Parallel()
	value := rapid.Deferred(func() *rapid.Generator[any] { return anything(2) })
	rapid.Check(t, func(t *rapid.T) {
		id := spool.Identity{Service: "s", Instance: "i", Version: rapid.String().Draw(t, "version"),
			Environment: string(rapid.SliceOf(rapid.Byte()).Draw(t, "environment")), Epoch: "e"}
		var records []spool.Record
		for i := range rapid.IntRange(1, 12).Draw(t, "records") {
			line := lineOf(rapid.String().Draw(t, "msg"), rapid.SampledFrom([]string{"", "a", "a.b", "ö"}).Draw(t, "logger"), rapid.MapOf(rapid.String(), value).Draw(t, "attrs"))
			switch rapid.IntRange(0, 5).Draw(t, "fault") {
			case 0:
				line = line[:rapid.IntRange(0, len(line)).Draw(t, "cut")]
			case 1:
				line[rapid.IntRange(0, len(line)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
			}
			records = append(records, spool.Record{Seq: uint64(i)*3 + 1, Line: line})
		}
		raw, err := requestOf(id, spool.Warn.String(), records)
		if err != nil {
			t.Fatal(err)
		}
		got := &collector.ExportLogsServiceRequest{}
		if err := proto.Unmarshal(raw, got); err != nil {
			t.Fatal(err)
		}
		want := treeOf(id, records)
		for _, request := range []*collector.ExportLogsServiceRequest{got, want} {
			timeless(request)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("got\n%v, want\n%v", got, want)
		}
	})
}

// treeOf builds the request as a program with the generated types would.
func treeOf(id spool.Identity, records []spool.Record) *collector.ExportLogsServiceRequest {
	valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
	all := &logs.ResourceLogs{Resource: &resource.Resource{Attributes: []*common.KeyValue{
		text("service.name", id.Service), text("service.instance.id", id.Instance), text("service.version", valid(id.Version)),
		text("deployment.environment.name", valid(id.Environment)), text(AttrEpoch, id.Epoch)}}}
	scopes := map[string]*logs.ScopeLogs{}
	for _, r := range records {
		d := decode([]byte(valid(string(r.Line))))
		d.Attributes = unique(unique(d.Attributes, text(AttrClass, "warn")), integer(AttrSeq, int64(r.Seq)))
		scope := scopes[d.logger]
		if scope == nil {
			scope = &logs.ScopeLogs{Scope: &common.InstrumentationScope{Name: d.logger}}
			scopes[d.logger] = scope
			all.ScopeLogs = append(all.ScopeLogs, scope)
		}
		scope.LogRecords = append(scope.LogRecords, d.LogRecord)
	}
	return &collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{all}}
}

// timeless takes away when a record was seen that has no time of its own: that is now.
func timeless(request *collector.ExportLogsServiceRequest) {
	for _, scope := range request.ResourceLogs[0].ScopeLogs {
		for _, r := range scope.LogRecords {
			if r.TimeUnixNano == 0 {
				r.ObservedTimeUnixNano = 0
			}
		}
	}
}
