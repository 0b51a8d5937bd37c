package trace_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	oteltrace "go.opentelemetry.io/otel/trace"
)

func TestZipkin(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	id := one(t, provider(t, nil, s.URL, "zipkin"))
	var spans []map[string]any
	for _, body := range s.received() {
		var some []map[string]any
		if err := json.Unmarshal(body, &some); err != nil {
			t.Fatal(err)
		}
		spans = append(spans, some...)
	}
	if len(spans) != 2 || s.paths[0] != "/api/v2/spans" || s.types[0] != "application/json" {
		t.Fatalf("%d spans to %v %v", len(spans), s.paths, s.types)
	}
	child, parent := spans[0], spans[1]
	if child["traceId"] != id.String() || child["parentId"] != parent["id"] || parent["parentId"] != nil {
		t.Errorf("ids: child %v, parent %v", child, parent)
	}
	if child["kind"] != "CLIENT" || parent["kind"] != "SERVER" || parent["name"] != "get /things" {
		t.Errorf("kinds: child %v, parent %v", child, parent)
	}
	tags := child["tags"].(map[string]any)
	if tags["rows"] != "3" || tags["error"] != "deadlock" || tags["otel.status_code"] != "ERROR" {
		t.Errorf("tags are %v", tags)
	}
	if name := child["localEndpoint"].(map[string]any)["serviceName"]; name != "catalogs" {
		t.Errorf("local endpoint is %v", name)
	}
	if name := child["remoteEndpoint"].(map[string]any)["serviceName"]; name != "db" {
		t.Errorf("remote endpoint is %v", name)
	}
	if a := child["annotations"].([]any)[0].(map[string]any)["value"]; a != `"retried": {"attempt":2}` {
		t.Errorf("annotation is %v", a)
	}
}

// jaeger.thrift: Batch{1: Process{1: serviceName}, 2: []Span{1: traceIdLow, 2: traceIdHigh, 3: spanId,
// 4: parentSpanId, 5: operationName, …}}
func TestJaeger(t *testing.T) {
	t.Parallel()
	s := newSink(t)
	id := one(t, provider(t, nil, s.URL, "jaeger"))
	if len(s.received()) != 1 || s.paths[0] != "/api/traces" || s.types[0] != "application/x-thrift" {
		t.Fatalf("%d requests to %v %v", len(s.received()), s.paths, s.types)
	}
	batch := (&thrift{t: t, b: s.received()[0]}).structure()
	if name := batch[1].(map[int16]any)[1]; name != "catalogs" {
		t.Errorf("process is %v", batch[1])
	}
	spans := batch[2].([]any)
	if len(spans) != 2 {
		t.Fatalf("%d spans", len(spans))
	}
	child, parent := spans[0].(map[int16]any), spans[1].(map[int16]any)
	if got := traceIDOf(child); got != id {
		t.Errorf("trace is %s, want %s", got, id)
	}
	if child[4] != parent[3] || child[5] != "query" || parent[5] != "GET /things" {
		t.Errorf("child %v, parent %v", child, parent)
	}
}

func traceIDOf(span map[int16]any) (id oteltrace.TraceID) {
	binary.BigEndian.PutUint64(id[:8], uint64(span[2].(int64)))
	binary.BigEndian.PutUint64(id[8:], uint64(span[1].(int64)))
	return id
}

// thrift reads the binary protocol without a schema: a struct is a map by field id.
type thrift struct {
	t *testing.T
	b []byte
}

func (d *thrift) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.t.Fatalf("payload ends early: %d bytes wanted, %d left", n, len(d.b))
	}
	head := d.b[:n]
	d.b = d.b[n:]
	return head
}

func (d *thrift) structure() map[int16]any {
	m := map[int16]any{}
	for {
		kind := d.take(1)[0]
		if kind == 0 {
			return m
		}
		id := int16(binary.BigEndian.Uint16(d.take(2)))
		m[id] = d.value(kind)
	}
}

func (d *thrift) value(kind byte) any {
	switch kind {
	case 2, 3: // bool, byte
		return d.take(1)[0]
	case 4:
		return math.Float64frombits(binary.BigEndian.Uint64(d.take(8)))
	case 6:
		return int16(binary.BigEndian.Uint16(d.take(2)))
	case 8:
		return int32(binary.BigEndian.Uint32(d.take(4)))
	case 10:
		return int64(binary.BigEndian.Uint64(d.take(8)))
	case 11:
		return string(d.take(int(binary.BigEndian.Uint32(d.take(4)))))
	case 12:
		return d.structure()
	case 14, 15: // set, list
		return d.list()
	}
	d.t.Fatalf("unknown thrift type %d", kind)
	return nil
}

func (d *thrift) list() []any {
	kind, n := d.take(1)[0], int(binary.BigEndian.Uint32(d.take(4)))
	all := make([]any, 0, n)
	for range n {
		all = append(all, d.value(kind))
	}
	return all
}
