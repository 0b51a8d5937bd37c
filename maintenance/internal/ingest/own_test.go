package ingest

import (
	"bytes"
	"runtime"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// What waits holds no more memory than it costs, however large the request was that it came in. It runs alone, as it looks at
// the memory of all.
func TestASmallPartDoesNotHoldItsRequest(t *testing.T) { //nolint:paralleltest // see above
	const pad, n = 1 << 20, 32
	r, _ := receiver(&probe{})
	padded := protowire.AppendBytes(protowire.AppendTag(nil, 15, protowire.BytesType), bytes.Repeat([]byte("x"), pad)) // a field that nobody knows
	raw := append(marshal(t, request(1, "catalogs")), padded...)
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, waiting := inUse(), make([]batch, 0, n)
	for range n {
		m, err := ofBytes(raw)
		if err != nil {
			t.Fatal(err)
		}
		if m.raw == nil || m.all[0].tree != nil {
			t.Fatal("it was read by way of messages")
		}
		b, err := r.read(as(t.Context(), "catalogs"), m)
		if err != nil {
			t.Fatal(err)
		}
		waiting = append(waiting, b)
	}
	after := inUse()
	if held := int64(after) - int64(before); held > n*pad/4 {
		t.Errorf("%d requests of a record each hold %d bytes", n, held)
	}
	for _, b := range waiting {
		if p := b.parts[0]; p.cost != 1 || p.records[0].Msg != "catalogs0" || string(p.records[0].Attrs) != "{}" {
			t.Errorf("%+v", p.records[0])
		}
	}
}
