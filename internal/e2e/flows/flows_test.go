package flows

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

const records = "/api/catalogs/v1/types/lamp/records"

func (m *mesh) makeType(name string) {
	m.t.Helper()
	if _, status := m.call("7", "POST", "/api/catalogs/v1/types", fmt.Sprintf(`{"name":%q,"schema":{}}`, name)); status != 201 {
		m.t.Fatalf("a type: %d", status)
	}
}

// TestFlows: of several users' requests, at once, the one user's alone log at DEBUG, in each of the services that they
// touch over HTTP, outbox, bus, the private port and the scheduler; when the lease is dropped nobody's do.
func TestFlows(t *testing.T) {
	t.Parallel()
	m := newMesh(t, 0, func(string) error { return nil })
	m.makeType("lamp")
	if refused := m.gateway.Flows().Apply([]lease.Lease{{ID: "l-42", Kind: lease.Debug, Value: `{"level":"DEBUG","user":"42"}`, Until: time.Now().Add(5 * time.Minute)}}); len(refused) > 0 {
		t.Fatal(refused)
	}
	mine := map[string]string{} // trace → what
	const each = 5
	for i := range each {
		for _, user := range []string{"7", "42", "8"} {
			for what, call := range map[string][3]string{
				"record": {"POST", records, fmt.Sprintf(`{"data":{"n":%d}}`, i)},
				"fire":   {"POST", "/api/scheduler/v1/schedules/billing.nightly/run", ""},
			} {
				trace, status := m.call(user, call[0], call[1], call[2])
				if status/100 != 2 {
					t.Fatalf("%s of %s: %d", what, user, status)
				}
				if user == "42" {
					mine[trace] = what
				}
			}
		}
	}
	wait.For(t, limit, "all ways to be gone to their ends", func() bool { return m.notified.count() == 3*each && m.fired.count() == 3*each })
	want := map[string][]string{
		"record": {"billing", "catalogs", "data-flow", "gateway", "notification"},
		"fire":   {"billing", "gateway", "scheduler"},
	}
	touched := func() map[string]map[string]bool {
		by := map[string]map[string]bool{}
		for _, l := range m.lines(func(l line) bool { return l.Level == "DEBUG" }) {
			if mine[l.Trace] == "" || l.Attrs.Lease != "l-42" {
				t.Fatalf("it is not of the user's requests: %s", l.text)
			}
			if by[l.Trace] == nil {
				by[l.Trace] = map[string]bool{}
			}
			by[l.Trace][l.Service] = true
		}
		return by
	}
	wait.For(t, limit, "the lines of all requests", func() bool {
		by := touched()
		for trace, what := range mine {
			if !slices.Equal(slices.Sorted(maps.Keys(by[trace])), want[what]) {
				return false
			}
		}
		return true
	})
	for _, text := range []string{"request forwarded", "request handled", "a record came", "making a bill", "told of a bill", "the nightly run"} {
		if n := len(m.lines(func(l line) bool { return l.Msg == text })); n < each {
			t.Errorf("%d times %q", n, text)
		}
	}
	idle := func() bool {
		for _, f := range []*debug.Flows{m.gateway.Flows(), m.catalogs.Flows(), m.scheduler.Flows(), m.dataFlow.Flows(), m.billing.Flows(), m.notification.Flows()} {
			if f.Active() {
				return false
			}
		}
		return true
	}
	wait.For(t, limit, "the flows to end", idle)

	m.gateway.Flows().Apply(nil)
	before := len(m.lines(func(l line) bool { return l.Level == "DEBUG" }))
	trace, _ := m.call("42", "POST", records, `{"data":{"n":99}}`)
	wait.For(t, limit, "the last to arrive", func() bool { return m.notified.count() == 3*each+1 })
	if after := m.lines(func(l line) bool { return l.Level == "DEBUG" }); len(after) != before {
		t.Errorf("without the lease trace %s logs:\n%s", trace, after[len(after)-1].text)
	}
	all := m.lines(func(l line) bool {
		return strings.Contains(l.text, "ey") && strings.Count(l.text, ".") > 1 && strings.Contains(l.text, "signalbox-grant")
	})
	if len(all) > 0 {
		t.Errorf("a token is in a line: %s", all[0].text)
	}
}
