package flows

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// TestFailures: of requests whose bills are made, and some that fail far behind the gateway, after it has answered, the
// lines that the services have kept arrive of the failed ones alone, marked, in every service that the trace has touched.
func TestFailures(t *testing.T) {
	t.Parallel()
	m := newMesh(t, 1, func(text string) error {
		if strings.Contains(text, "broken") {
			return errors.New("the printer is on fire")
		}
		return nil
	})
	m.makeType("fine")
	m.makeType("broken")
	fails := map[string]bool{} // trace → whether it fails
	const each = 10
	for i := range each {
		for _, name := range []string{"fine", "broken"} {
			trace, status := m.call("7", "POST", "/api/catalogs/v1/types/"+name+"/records", fmt.Sprintf(`{"data":{"n":%d}}`, i))
			if status != 201 {
				t.Fatalf("a record: %d", status)
			}
			fails[trace] = name == "broken"
		}
	}
	want := []string{"billing", "catalogs", "data-flow", "gateway"}
	released := func() map[string]map[string]int {
		by := map[string]map[string]int{}
		for _, l := range m.lines(func(l line) bool { return l.Level == "DEBUG" }) {
			failed, known := fails[l.Trace]
			if !known {
				continue // from the mesh's start, when what was not ready yet failed
			}
			if !failed {
				t.Fatalf("it is of a request that went well: %s", l.text)
			}
			if by[l.Trace] == nil {
				by[l.Trace] = map[string]int{}
			}
			by[l.Trace][l.Service]++
		}
		return by
	}
	wait.For(t, limit, "what was kept of the failed traces", func() bool {
		by := released()
		for trace, failed := range fails {
			if failed && !slices.Equal(slices.Sorted(maps.Keys(by[trace])), want) {
				return false
			}
		}
		return m.notified.count() == each
	})
	// What a service has still to say of a trace when the news comes is written at once; what was said before is marked.
	for text, marked := range map[string]bool{"a record came": true, "making a bill": true, "request forwarded": false, "request handled": false} {
		lines := m.lines(func(l line) bool { return l.Msg == text && fails[l.Trace] })
		if len(lines) != each {
			t.Errorf("%d times %q, want %d", len(lines), text, each)
		}
		for _, l := range lines {
			if marked && !l.Attrs.Retroactive {
				t.Errorf("it is not marked: %s", l.text)
			}
		}
	}
	if n := len(m.lines(func(l line) bool { return l.Msg == "told of a bill" })); n != 0 {
		t.Errorf("%d lines of good requests", n)
	}
	t.Logf("METRIC released_traces=%d limit=%d", len(released()), each)

	forged := bus.Publication{Exchange: bus.Control, Event: bus.Event{Type: debug.TraceFailed, Data: json.RawMessage(`{"token":"a.b.c","service":"billing"}`)}}
	m.check(m.notification.Bus().Publish(t.Context(), forged))
	wait.For(t, limit, "the forged notice to be counted", func() bool {
		return strings.Contains(m.metrics(m.dataFlow.OpsAddr()), `signalbox_trace_failed_rejected_total{reason="forged"} 1`)
	})
}
