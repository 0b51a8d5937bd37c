package ingest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

func zipped(t testing.TB, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func post(t testing.TB, r *Receiver, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(holding(t.Context(), "shop"), http.MethodPost, "/v1/logs", nil)
	req.Body = http.MaxBytesReader(w, io.NopCloser(bytes.NewReader(body)), MaxBody)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	r.ServeHTTP(w, req)
	return w
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// example is the specification's own, shortened: ids in hexadecimal, a number as text, a field of tomorrow.
const example = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
"scopeLogs":[{"scope":{"name":"shop.till","tomorrow":1},"logRecords":[{"timeUnixNano":"%d","severityNumber":13,
"traceId":"5b8efff798038103d269b633813fc60c","spanId":"EEE19B7EC3C1B174","body":{"stringValue":"Example"},
"attributes":[{"key":"n","value":{"intValue":"42"}}]}]}]}]}`

func TestOverHTTP(t *testing.T) {
	t.Parallel()
	good := marshal(t, request(3, "shop"))
	text := []byte(strings.Replace(example, "%d", "0", 1))
	deep := &commonpb.AnyValue{}
	for range 200 {
		deep = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{deep}}}}
	}
	nested := request(1, "shop")
	nested.ResourceLogs[0].ScopeLogs[0].LogRecords[0].Body = deep
	deepest := []byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":` + strings.Repeat(`{"arrayValue":{"values":[`, 5000) + strings.Repeat(`]}}`, 5000) + `}]}]}]}`)
	for name, c := range map[string]struct {
		body   []byte
		header []string
		status int
		stored int
	}{
		"protobuf":           {good, []string{"Content-Type", TypeProtobuf}, 200, 3},
		"zipped":             {zipped(t, good), []string{"Content-Type", TypeProtobuf, "Content-Encoding", "gzip"}, 200, 3},
		"json":               {text, []string{"Content-Type", "application/json; charset=utf-8"}, 200, 1},
		"zipped json":        {zipped(t, text), []string{"Content-Type", TypeJSON, "Content-Encoding", "gzip"}, 200, 1},
		"empty":              {nil, []string{"Content-Type", TypeProtobuf}, 200, 0},
		"empty json":         {[]byte(`{}`), []string{"Content-Type", TypeJSON}, 200, 0},
		"deep":               {marshal(t, nested), []string{"Content-Type", TypeProtobuf}, 200, 1},
		"deeper than any":    {deepest, []string{"Content-Type", TypeJSON}, 400, 0},
		"no type":            {good, nil, 415, 0},
		"another type":       {good, []string{"Content-Type", "text/plain"}, 415, 0},
		"another encoding":   {good, []string{"Content-Type", TypeProtobuf, "Content-Encoding", "br"}, 400, 0},
		"said to be zipped":  {good, []string{"Content-Type", TypeProtobuf, "Content-Encoding", "gzip"}, 400, 0},
		"cut off":            {zipped(t, good)[:20], []string{"Content-Type", TypeProtobuf, "Content-Encoding", "gzip"}, 400, 0},
		"no protobuf":        {[]byte("hello"), []string{"Content-Type", TypeProtobuf}, 400, 0},
		"no json":            {[]byte(`{"resourceLogs":`), []string{"Content-Type", TypeJSON}, 400, 0},
		"a wrong type":       {[]byte(`{"resourceLogs":"x"}`), []string{"Content-Type", TypeJSON}, 400, 0},
		"a bomb":             {zipped(t, make([]byte, 64<<20)), []string{"Content-Type", TypeProtobuf, "Content-Encoding", "gzip"}, 413, 0},
		"too large":          {make([]byte, MaxBody+1), []string{"Content-Type", TypeProtobuf}, 413, 0},
		"another's name":     {marshal(t, request(1, "catalogs")), []string{"Content-Type", TypeProtobuf}, 403, 0},
		"more than a batch":  {zipped(t, marshal(t, request(10_001, "shop"))), []string{"Content-Type", TypeProtobuf, "Content-Encoding", "gzip"}, 400, 0},
		"an array in gzip":   {zipped(t, []byte(`[]`)), []string{"Content-Type", TypeJSON, "Content-Encoding", "gzip"}, 400, 0},
		"identity by name":   {good, []string{"Content-Type", TypeProtobuf, "Content-Encoding", "identity"}, 200, 3},
		"null among records": {[]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[null]}]}]}`), []string{"Content-Type", TypeJSON}, 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &probe{}
			r, _ := receiver(store)
			w := post(t, r, c.body, c.header...)
			if w.Code != c.status || store.stored() != c.stored {
				t.Fatalf("%d %s, stored %d", w.Code, w.Body, store.stored())
			}
			decode := proto.Unmarshal
			if w.Header().Get("Content-Type") == TypeJSON {
				decode = protojson.Unmarshal
			}
			var answer proto.Message = &collogspb.ExportLogsServiceResponse{}
			if w.Code != http.StatusOK {
				answer = &statuspb.Status{}
			}
			if err := decode(w.Body.Bytes(), answer); err != nil {
				t.Errorf("the answer is not OTLP's: %v", err)
			}
			if s, ok := answer.(*statuspb.Status); ok && s.GetMessage() == "" {
				t.Error("an error without a reason")
			}
		})
	}
}

func TestIDsOfJSONAreHexadecimal(t *testing.T) {
	t.Parallel()
	store := &probe{}
	r, _ := receiver(store)
	if w := post(t, r, []byte(strings.Replace(example, "%d", "0", 1)), "Content-Type", TypeJSON); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	got := store.writes[0][0]
	if got.TraceID != "5b8efff798038103d269b633813fc60c" || got.SpanID != "eee19b7ec3c1b174" || got.Logger != "shop.till" || got.Level != 4 || string(got.Attrs) != `{"n":42}` {
		t.Errorf("%+v", got)
	}
}

func TestHTTPSaysWhenToComeAgain(t *testing.T) {
	t.Parallel()
	store := &probe{write: func([]record.Record) error { return errAway }}
	r, _ := receiver(store, func(s *Settings) { s.Quota = 1 })
	body := marshal(t, request(3, "shop"))
	w := post(t, r, body, "Content-Type", TypeProtobuf)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("away: %d %v", w.Code, w.Header())
	}
	began := time.Now()
	w = post(t, r, body, "Content-Type", TypeProtobuf)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || w.Header().Get("Retry-After") == "0" {
		t.Errorf("over its quota after %s: %d %v", time.Since(began), w.Code, w.Header())
	}
}
