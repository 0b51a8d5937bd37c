package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// storable says what PostgreSQL would refuse of a record, or what would make a partition that nobody wants.
func storable(r record.Record) error {
	for name, s := range map[string]string{"service": r.Service, "instance": r.Instance, "logger": r.Logger, "msg": r.Msg, "attrs": string(r.Attrs),
		"trace": r.TraceID, "span": r.SpanID, "epoch": r.Epoch, "class": r.Class, "version": r.Version, "node": r.Node} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return fmt.Errorf("%s is not text: %q", name, s)
		}
	}
	var attrs map[string]any
	if err := json.Unmarshal(r.Attrs, &attrs); err != nil {
		return fmt.Errorf("attributes are no object: %w", err)
	}
	if strings.Contains(string(r.Attrs), `\u0000`) {
		return fmt.Errorf("attributes hold a NUL: %s", r.Attrs)
	}
	if r.Level < -64 || r.Level > 64 || len(r.Msg) > record.MaxMessage {
		return fmt.Errorf("level %d, %d bytes", r.Level, len(r.Msg))
	}
	return nil
}

// strange are values that a sender of another make, or an attacker, may well send.
func strange() []*commonpb.AnyValue {
	deep := &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}
	for range 200 {
		deep = &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: []*commonpb.KeyValue{{Key: "a\x00", Value: deep}}}}}
	}
	return []*commonpb.AnyValue{
		nil, {}, deep, {Value: &commonpb.AnyValue_IntValue{IntValue: -1 << 63}}, {Value: &commonpb.AnyValue_DoubleValue{DoubleValue: math.Inf(1)}},
		{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 0xff}}}, {Value: &commonpb.AnyValue_ArrayValue{}}, {Value: &commonpb.AnyValue_KvlistValue{}},
		{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{nil, {}}}}},
	}
}

// wrong has every strange value in every place that a value may have.
func wrong() *collogspb.ExportLogsServiceRequest {
	out := &collogspb.ExportLogsServiceRequest{}
	for _, v := range strange() {
		attrs := []*commonpb.KeyValue{nil, {}, {Key: "k", Value: v}, {Key: "k", Value: v}, {Key: "signalbox.class", Value: v}, {Key: "signalbox.seq", Value: v}}
		resource := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "shop"), {Key: "service.instance.id", Value: v}, {Key: "signalbox.epoch", Value: v}, nil}}
		out.ResourceLogs = append(out.ResourceLogs, &logspb.ResourceLogs{Resource: resource, ScopeLogs: []*logspb.ScopeLogs{{LogRecords: []*logspb.LogRecord{
			nil, {},
			{Body: v, Attributes: attrs, TimeUnixNano: 1<<64 - 1, SeverityNumber: -5, TraceId: []byte{1}, SpanId: make([]byte, 99)},
			{Body: v, Attributes: attrs, ObservedTimeUnixNano: 1, SeverityNumber: 1 << 30, SeverityText: "\xff"},
		}}}})
	}
	return out
}

func TestWrongTypesAreStoredAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	store := &probe{}
	r, _ := receiver(store)
	if _, err := r.Export(holding(t.Context(), "shop"), wrong()); err != nil {
		t.Fatal(err)
	}
	if store.stored() != 4*len(strange()) {
		t.Errorf("stored %d", store.stored())
	}
	for _, rec := range store.writes[0] {
		if err := storable(rec); err != nil {
			t.Error(err)
		}
	}
}

// FuzzExport: whatever protobuf comes, the answer is one of the few, and what goes on to the store is storable.
func FuzzExport(f *testing.F) {
	seeds := []*collogspb.ExportLogsServiceRequest{{}, request(2, "shop", ""), request(1, "unknown_service"), {ResourceLogs: []*logspb.ResourceLogs{{}}}}
	for _, s := range seeds {
		f.Add(marshal(f, s))
	}
	f.Add(bytes.Replace(marshal(f, request(2, "shop")), []byte("shop1"), []byte("sh\xffp1"), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		req, err := decode(raw, TypeProtobuf)
		if plain := new(collogspb.ExportLogsServiceRequest); err != nil && proto.Unmarshal(raw, plain) == nil {
			t.Fatalf("refused, and it is one: %v", err)
		}
		if err == nil {
			export(t, req)
		}
	})
}

// FuzzJSON: the same for the JSON of OTLP/HTTP.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(strings.Replace(example, "%d", "1", 1)))
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"\ud83d"}}]}]}]}`))
	f.Add([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"AA==","body":{"kvlistValue":{"values":[{"key":"\u0000"}]}}}]}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		req, err := decode(raw, TypeJSON)
		if err == nil {
			export(t, req)
		}
	})
}

func export(t *testing.T, req *collogspb.ExportLogsServiceRequest) {
	t.Helper()
	var bad error
	store := &probe{write: func(all []record.Record) error {
		for _, rec := range all {
			if err := storable(rec); err != nil {
				bad = err
			}
		}
		return nil
	}}
	r, _ := receiver(store)
	_, err := r.Export(holding(t.Context(), "shop"), req)
	if code := status.Code(err); bad != nil || code != codes.OK && code != codes.InvalidArgument && code != codes.PermissionDenied {
		t.Fatalf("%v %v", err, bad)
	}
}
