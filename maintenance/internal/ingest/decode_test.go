package ingest

import (
	"bytes"
	"strings"
	"testing"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// hollow is a request of so many empty records: two bytes each on the wire.
func hollow(n int) []byte {
	records := bytes.Repeat([]byte{2<<3 | 2, 0}, n)
	scope := protowire.AppendBytes(protowire.AppendTag(nil, 2, protowire.BytesType), records)
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), scope)
}

func TestWhatWouldSwellIsRefusedBeforeItDoes(t *testing.T) {
	kind := (&collogspb.ExportLogsServiceRequest{}).ProtoReflect().Descriptor()
	if n := parts(hollow(1000), kind, 0, maxParts); n != 1002 {
		t.Errorf("counted %d", n)
	}
	for name, c := range map[string]struct {
		raw   []byte
		media string
	}{
		"protobuf":   {hollow(7 << 20), TypeProtobuf},
		"json":       {[]byte(`{"resourceLogs":[` + strings.Repeat("{},", 5<<20) + `{}]}`), TypeJSON},
		"no message": {bytes.Repeat([]byte{0xff}, 5<<20), TypeProtobuf},
	} {
		n := testing.AllocsPerRun(1, func() {
			if _, err := decode(c.raw, c.media); err == nil {
				t.Errorf("%s: decoded", name)
			}
		})
		if n > 100 {
			t.Errorf("%s: %v allocations before it was refused", name, n)
		}
	}
	if _, err := decode(marshal(t, request(10_000, "shop")), TypeProtobuf); err != nil {
		t.Errorf("a large one: %v", err)
	}
}

// One byte that is no text, in one of many records, costs that byte.
func TestTextThatIsNoneIsMended(t *testing.T) {
	t.Parallel()
	raw := bytes.Replace(marshal(t, request(3, "shop")), []byte("shop1"), []byte("sh\xffp1"), 1)
	req, err := decode(raw, TypeProtobuf)
	if err != nil {
		t.Fatal(err)
	}
	records := req.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()
	if len(records) != 3 || records[1].GetBody().GetStringValue() != "sh\uFFFDp1" || records[2].GetBody().GetStringValue() != "shop2" {
		t.Errorf("%v", records)
	}
	for in, want := range map[string]string{
		`a\ud83d\ude00b`: "a😀b", `a\ud83db`: "a\uFFFDb", `a\ude00`: "a\uFFFD", `\ud83d\ud83d\ude00`: "\uFFFD😀",
		`\\ud83d`: `\ud83d`, `\ud83d\n`: "\uFFFD\n", "a\xffb": "a\uFFFDb", `\\\ud83d`: "\\\uFFFD",
	} {
		req, err := decode([]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"`+in+`"}}]}]}]}`), TypeJSON)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := req.GetResourceLogs()[0].GetScopeLogs()[0].GetLogRecords()[0].GetBody().GetStringValue(); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
