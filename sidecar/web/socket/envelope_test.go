package socket

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// The context of a message reads as headers do, and what is written is one CloudEvents event.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	a := attributes{}
	for name, value := range map[string]string{"Traceparent": "00-x", "tracestate": "a=\"b\"", "X-B3-Traceid": "1", "x-b3-spanid": "2", "baggage": "k=v"} {
		propagation.TextMapCarrier(a).Set(name, value)
	}
	frame, err := encode(bus.Event{ID: "1", Source: "/b", Type: "x", Data: json.RawMessage(`[1]`)}, a)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"specversion":"1.0","id":"1","source":"/b","type":"x","datacontenttype":"application/json","data":[1],` +
		`"traceparent":"00-x","tracestate":"a=\"b\"","baggage":"k=v","xb3traceid":"1","xb3spanid":"2"}`
	if string(frame) != want {
		t.Errorf("wrote %s", frame)
	}
	e, back, odd, err := decode(frame)
	if err != nil || odd || e.Type != "x" || back.Get("X-B3-TraceId") != "1" || len(back.Keys()) != 5 {
		t.Errorf("read %+v %v %v %v", e, back, odd, err)
	}
}

// An event that just fits goes without its context.
func TestAContextRefusesNoEvent(t *testing.T) {
	t.Parallel()
	e := bus.Event{ID: "1", Source: "/b", Type: "x"}
	bare, err := bus.Encode(bus.Event{ID: "1", Source: "/b", Type: "x", Data: json.RawMessage(`""`)})
	if err != nil {
		t.Fatal(err)
	}
	e.Data = json.RawMessage(`"` + strings.Repeat("x", bus.MaxSize-len(bare)) + `"`)
	frame, err := encode(e, attributes{"traceparent": "00-x"})
	if err != nil || len(frame) != bus.MaxSize {
		t.Errorf("%d bytes, %v", len(frame), err)
	}
}

// Whatever comes: an event that is read is written, and read the same again; nothing is read of a context that is no text.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "{", "null", `{"specversion":"1.0"}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x"}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","data":{"n":1},"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","b3":"0"}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","traceparent":"a","traceparent":"b"}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","traceparent":"a","Traceparent":"b"}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","traceparent":7,"baggage":null,"signalboxdebug":{}}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","data":1} {}`,
		`{"specversion":"1.0","id":"1","source":"/b","type":"x","time":"2026-01-01T00:00:00Z","subject":"\u0000","data_base64":"eA=="}`,
		"{\"specversion\":\"1.0\",\"id\":\"\xff\",\"source\":\"/b\",\"type\":\"x\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		e, a, _, err := decode(frame)
		if err != nil {
			return
		}
		for name := range a {
			if nameOf(name) != name || !strings.Contains(strings.Join(names[:], " "), name) {
				t.Fatalf("%q is part of the context", name)
			}
		}
		again, err := encode(e, a)
		if errors.Is(err, bus.ErrTooLarge) {
			return // escaped, it may be larger than it came
		}
		if err != nil || len(again) > bus.MaxSize {
			t.Fatalf("%d bytes: %v", len(again), err)
		}
		back, context, odd, err := decode(again)
		if err != nil || odd {
			t.Fatalf("%s: %v", again, err)
		}
		third, err := encode(back, context)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%v: %s", err, cmp.Diff(string(again), string(third)))
		}
	})
}
