package bus_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

func TestEncodeIsCloudEvents(t *testing.T) {
	body, err := bus.Encode(bus.Event{ID: "1", Source: "/catalogs/catalogs-1", Type: "catalogs.record.created", Subject: "record/7",
		Time: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), Data: json.RawMessage(`{"a":1}`), Headers: map[string]string{"traceparent": "x"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"specversion":"1.0","id":"1","source":"/catalogs/catalogs-1","type":"catalogs.record.created","subject":"record/7",` +
		`"time":"2026-02-03T04:05:06Z","datacontenttype":"application/json","data":{"a":1}}`
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
}

// The token of targeted debugging is an extension, and never the reason that an event is refused.
func TestTheDebugExtension(t *testing.T) {
	e := bus.Event{ID: "1", Source: "s", Type: "t", Debug: "a.b.c"}
	body, err := bus.Encode(e)
	if err != nil || !strings.Contains(string(body), `"signalboxdebug":"a.b.c"`) {
		t.Fatalf("%s: %v", body, err)
	}
	if got, err := bus.Decode(body); err != nil || got.Debug != "a.b.c" {
		t.Errorf("%+v: %v", got, err)
	}
	bare, err := bus.Encode(bus.Event{ID: "1", Source: "s", Type: "t", Data: json.RawMessage(`""`)})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*bus.Event){
		"no room":  func(e *bus.Event) { e.Data = json.RawMessage(`"` + strings.Repeat("x", bus.MaxSize-len(bare)) + `"`) },
		"too long": func(e *bus.Event) { e.Debug = strings.Repeat("a", 1025) },
	} {
		full := e
		change(&full)
		body, err := bus.Encode(full)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := bus.Decode(body); err != nil || got.Debug != "" {
			t.Errorf("%s: %q, %v", name, got.Debug, err)
		}
	}
	for foreign, want := range map[string]string{`17`: `17`, `{"a":[1]}`: `{"a":[1]}`, `null`: ``} {
		got, err := bus.Decode([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","signalboxdebug":` + foreign + `}`))
		if err != nil || got.Debug != want {
			t.Errorf("%s: %q, %v", foreign, got.Debug, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	whole := bus.Event{ID: "1", Source: "s", Type: "t"}
	for name, c := range map[string]struct {
		change func(*bus.Event)
		want   error
	}{
		"no id":       {change: func(e *bus.Event) { e.ID = "" }},
		"no source":   {change: func(e *bus.Event) { e.Source = "" }},
		"no type":     {change: func(e *bus.Event) { e.Type = "" }},
		"broken data": {change: func(e *bus.Event) { e.Data = json.RawMessage(`{`) }},
		"large data":  {func(e *bus.Event) { e.Data = make([]byte, bus.MaxSize+1) }, bus.ErrTooLarge},
		"large whole": {func(e *bus.Event) { e.Subject = strings.Repeat("x", bus.MaxSize) }, bus.ErrTooLarge},
	} {
		e := whole
		c.change(&e)
		if _, err := bus.Encode(e); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":         ``,
		"no JSON":         `x`,
		"array":           `[]`,
		"unknown version": `{"specversion":"2.0","id":"1","source":"s","type":"t"}`,
		"no version":      `{"id":"1","source":"s","type":"t"}`,
		"no id":           `{"specversion":"1.0","source":"s","type":"t"}`,
		"binary":          `{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":""}`,
		"bad time":        `{"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"}`,
		"deep":            `{"specversion":"1.0","id":"1","source":"s","type":"t","data":` + strings.Repeat("[", 20000),
	} {
		if _, err := bus.Decode([]byte(body)); !errors.Is(err, bus.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := bus.Decode(make([]byte, bus.MaxSize+1)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("large: %v", err)
	}
	if _, err := bus.Decode([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","extension":1}`)); err != nil {
		t.Errorf("an extension is refused: %v", err)
	}
}

// FuzzB11_Decode: no panic, and what is read can be written and read again.
func FuzzB11_Decode(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-02-03T04:05:06Z","data":{"a":[1,2]}}`))
	f.Add([]byte(`{"specversion":"1.0","id":"\u0000","source":"` + "\xff" + `","type":"t","data":null}`))
	f.Add([]byte(`{"specversion":"1.0","data_base64":"x"}`))
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","signalboxdebug":"a.b.c"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := bus.Decode(body)
		if err != nil {
			return
		}
		again, err := bus.Encode(e)
		if errors.Is(err, bus.ErrTooLarge) {
			return // escapes are longer than what they stand for
		}
		if err != nil {
			t.Fatalf("encode %+v: %v", e, err)
		}
		second, err := bus.Decode(again)
		if err != nil || second.ID != e.ID || second.Source != e.Source || second.Type != e.Type || !second.Time.Equal(e.Time) {
			t.Fatalf("%+v became %+v: %v", e, second, err)
		}
	})
}

// FuzzDecodeIsOne: what Encode has written is read by the short way, and comes to the same as by the long one, which a space before
// it leads to.
func FuzzDecodeIsOne(f *testing.F) {
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, e := range []bus.Event{
		{ID: "1", Source: "/catalogs/catalogs-1", Type: "t", Subject: "s", Time: at, Data: json.RawMessage(`{"token":"a.b.c"}`)},
		{ID: "1", Source: "ä\"\\", Type: "t", Data: json.RawMessage(`[1,2]`)},
		{ID: "1", Source: "s", Type: "t", Data: json.RawMessage(`1`), Debug: "a.b.c"},
		{ID: "1", Source: "s", Type: "t", Data: json.RawMessage(`null`)},
	} {
		body, err := bus.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, data := range []string{`1}`, `{},"id":"2"}`, `{} }`, ` {}}`, `}`, `{`, `"` + "\xff" + `"}`, `1,"signalboxdebug":"x"}`} {
		f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"application/json","data":` + data))
	}
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-02-03 04:05:06Z","datacontenttype":"application/json","data":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) >= bus.MaxSize {
			return
		}
		short, err := bus.Decode(body)
		long, longErr := bus.Decode(append([]byte(" "), body...))
		if diff := cmp.Diff(long, short); diff != "" || (err == nil) != (longErr == nil) {
			t.Errorf("%s: %v and %v: %s", body, err, longErr, diff)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	body, err := bus.Encode(bus.Event{ID: "0190d0a3-7f3e-7c00-8000-000000000000", Source: "/view-service/view-service-1", Type: "signalbox.lease.changed", Time: time.Now(),
		Data: json.RawMessage(`{"token":"` + strings.Repeat("a", 800) + `"}`)})
	if err != nil {
		b.Fatal(err)
	}
	for name, body := range map[string][]byte{"own": body, "foreign": append([]byte(" "), body...)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bus.Decode(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestPark(t *testing.T) {
	cause := errors.New("hopeless")
	err := bus.Park(cause)
	if !bus.IsPark(err) || bus.IsPark(cause) || !errors.Is(err, cause) {
		t.Errorf("park: %v", err)
	}
}
