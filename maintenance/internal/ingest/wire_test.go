package ingest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func fixed() record.Clock {
	return record.Clock{Now: time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC), Retention: time.Hour}
}

// quickly reads the bytes without messages; false: they are left to the other way.
func quickly(raw []byte) (all []record.Record, ok bool) {
	m := message{raw: raw}
	if !m.read(record.NewSpan(raw)) {
		return nil, false
	}
	var wire record.Wire
	all, ok = convert("shop", m.all, fixed(), &wire)
	return all, ok && m.parts+wire.Messages <= maxParts
}

// sameBothWays: what is read without messages is what they would have said; answers whether it was.
func sameBothWays(t *testing.T, raw []byte) bool {
	t.Helper()
	got, ok := quickly(raw)
	if !ok {
		return false
	}
	req, err := decode(raw, TypeProtobuf)
	if err != nil {
		t.Fatalf("%x: read, where messages say %v", raw, err)
	}
	want, _ := convert("shop", ofTree(req).all, fixed(), nil)
	if len(got) != len(want) {
		t.Fatalf("%x: %d records, %d by way of messages", raw, len(got), len(want))
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("%x:\n%+v\n%s, by way of messages\n%+v\n%s", raw, got[i], got[i].Attrs, want[i], want[i].Attrs)
		}
	}
	for _, m := range []message{ofTree(req)} {
		if fast, err := ofBytes(raw); err != nil || fast.count() != m.count() {
			t.Fatalf("%d records, %d by way of messages; %v", fast.count(), m.count(), err)
		}
	}
	return true
}

// ours is a request as the sidecar sends it.
func ours(r *rand.Rand, n int) *collogspb.ExportLogsServiceRequest {
	out := request(n, "shop")
	rl := out.GetResourceLogs()[0]
	rl.Resource.Attributes = append(rl.Resource.Attributes, text("signalbox.epoch", "01JD3Q8E5T"), text("service.instance.id", "shop-1"))
	lines := loglines.Template(r.Uint64())
	for i, in := range rl.GetScopeLogs()[0].GetLogRecords() {
		l := lines.Next()
		in.TimeUnixNano, in.ObservedTimeUnixNano = uint64(fixed().Now.UnixNano()), uint64(fixed().Now.UnixNano())
		in.Body, in.SeverityNumber, in.SeverityText, in.TraceId, in.SpanId = text("", l.Msg).GetValue(), 9, "INFO", bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{8}, 8)
		in.Attributes = []*commonpb.KeyValue{text("request_id", fmt.Sprint(r.Uint64())), integer("status", 200), integer("user_id", r.Int64()),
			{Key: "took_ms", Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: r.Float64()}}},
			text("signalbox.class", "info"), integer("signalbox.seq", int64(i+1))}
	}
	return out
}

// odd has every strange value, and its texts are texts.
func odd() *collogspb.ExportLogsServiceRequest {
	out := wrong()
	for _, rl := range out.GetResourceLogs() {
		for _, in := range rl.GetScopeLogs()[0].GetLogRecords() {
			if in != nil {
				in.SeverityText = "warn+1"
			}
		}
	}
	return out
}

func integer(key string, n int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: n}}}
}

// What senders send is read without messages, and is the same.
func TestWhatSendersSendIsReadFromItsBytes(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	for name, req := range map[string]*collogspb.ExportLogsServiceRequest{"ours": ours(r, 200), "short": request(3, "shop", "till"), "empty": {}} {
		if !sameBothWays(t, marshal(t, req)) {
			t.Errorf("%s: it was read by way of messages", name)
		}
	}
}

// Whatever is changed in the bytes, what is read without messages is the same as with them.
func TestDamagedBytesAreReadTheSame(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	texts := []string{"", "shop", "a\x00b", "\xff", "ä", "\x1e", strings.Repeat("x", 300), "signalbox.class", "signalbox.seq", "k"}
	quick, runs := 0, seed.Runs(5000, 400_000)
	originals := [][]byte{marshal(t, ours(r, 2)), marshal(t, odd()), marshal(t, request(2, "shop", "till"))}
	for range runs {
		raw := bytes.Clone(originals[r.IntN(len(originals))])
		for range r.IntN(3) {
			at := r.IntN(len(raw))
			switch r.IntN(4) {
			case 0:
				raw[at] ^= 1 << r.IntN(8)
			case 1:
				raw = raw[:at+1]
			case 2:
				raw[at] = byte(r.Uint32())
			default: // a field where one ends, or anywhere
				field := protowire.AppendString(protowire.AppendTag(nil, protowire.Number(1+r.IntN(14)), protowire.BytesType), texts[r.IntN(len(texts))])
				raw = append(raw[:at:at], append(field, raw[at:]...)...)
			}
		}
		if sameBothWays(t, raw) {
			quick++
		}
		if grown := built(r, texts); sameBothWays(t, grown) {
			quick++
		}
	}
	if quick < runs/4 {
		t.Errorf("%d of %d were read without messages", quick, 2*runs)
	}
}

// built is a request of fields that may come twice, in any order, with types that they do not have.
func built(r *rand.Rand, texts []string) []byte {
	var message func(kind protoreflect.MessageDescriptor, depth int) []byte
	message = func(kind protoreflect.MessageDescriptor, depth int) (b []byte) {
		for range r.IntN(5) {
			num := protowire.Number(1 + r.IntN(13))
			field := kind.Fields().ByNumber(num)
			switch {
			case field != nil && field.Message() != nil && r.IntN(8) > 0 && depth < 40:
				b = protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), message(field.Message(), depth+1))
			case field != nil && field.Kind() == protoreflect.StringKind || r.IntN(4) == 0:
				b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), texts[r.IntN(len(texts))])
			case r.IntN(4) == 1: // of a type that it does not have
				b = protowire.AppendFixed64(protowire.AppendTag(b, num, protowire.Fixed64Type), r.Uint64())
			case r.IntN(3) == 0:
				b = protowire.AppendFixed32(protowire.AppendTag(b, num, protowire.Fixed32Type), r.Uint32())
			default:
				b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), r.Uint64N(40))
			}
		}
		return b
	}
	record := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), message((&logspb.LogRecord{}).ProtoReflect().Descriptor(), 0))
	scope := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), append(record, message((&logspb.ScopeLogs{}).ProtoReflect().Descriptor(), 0)...))
	all := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), append(scope, message((&logspb.ResourceLogs{}).ProtoReflect().Descriptor(), 0)...))
	return append(all, message((&collogspb.ExportLogsServiceRequest{}).ProtoReflect().Descriptor(), 0)...)
}

// FuzzWire: for whatever bytes, both ways say the same.
func FuzzWire(f *testing.F) {
	r := seed.Of(1)
	for _, req := range []*collogspb.ExportLogsServiceRequest{ours(r, 2), odd(), request(2, "shop", "till"), {}} {
		f.Add(marshal(f, req))
	}
	f.Add([]byte("\x91m8\x8e\xce\xbb\x95\x95\x95\x95\x95\x95\x95\x95\x11_\n\x9b\x86")) // a field beyond the last number
	f.Fuzz(func(t *testing.T, raw []byte) { sameBothWays(t, raw) })
}

// The reader knows every field that there is: a new version of OTLP's messages is to be looked at.
func TestTheReaderKnowsTheFields(t *testing.T) {
	t.Parallel()
	for m, want := range map[proto.Message]int{&collogspb.ExportLogsServiceRequest{}: 1, &logspb.ResourceLogs{}: 3, &logspb.ScopeLogs{}: 3, &logspb.LogRecord{}: 11,
		&commonpb.KeyValue{}: 3, &commonpb.AnyValue{}: 8, &commonpb.ArrayValue{}: 1, &commonpb.KeyValueList{}: 1} {
		if d := m.ProtoReflect().Descriptor(); d.Fields().Len() != want {
			t.Errorf("%s has %d fields, %d are known", d.FullName(), d.Fields().Len(), want)
		}
	}
}

// BenchmarkReceive reads a batch of the sidecar's from its bytes, and by way of messages in the same run.
func BenchmarkReceive(b *testing.B) {
	const n = 2000
	raw := marshal(b, ours(seed.Of(1), n))
	var quick, slow time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if all, ok := quickly(raw); !ok || len(all) != n {
			b.Fatal(len(all), ok)
		}
		quick += time.Since(start)
		start = time.Now()
		req, err := decode(raw, TypeProtobuf)
		if err != nil {
			b.Fatal(err)
		}
		if all, _ := convert("shop", ofTree(req).all, fixed(), nil); len(all) != n {
			b.Fatal(len(all))
		}
		slow += time.Since(start)
	}
	b.ReportMetric(float64(quick.Nanoseconds())/float64(b.N)/n, "ns/record")
	b.ReportMetric(float64(slow.Nanoseconds())/float64(b.N)/n, "messages-ns/record")
	b.ReportMetric(float64(slow)/float64(quick), "x-messages")
	b.Logf("METRIC receive_x_messages=%.2f", float64(slow)/float64(quick))
}
