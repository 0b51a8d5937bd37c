package traces

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// spans of one trace, as Jaeger has them.
type spans []jaegertest.Span

// of are the spans of a service, of a kind, whose names begin so.
func (all spans) of(service, kind, name string) (some spans) {
	for _, s := range all {
		if s.Service == service && s.Tag("span.kind") == kind && strings.HasPrefix(s.Name, name) {
			some = append(some, s)
		}
	}
	return some
}

// roots are those whose parents are not there.
func (all spans) roots() (some spans) {
	known := map[string]bool{}
	for _, s := range all {
		known[s.SpanID] = true
	}
	for _, s := range all {
		if !known[s.Parent()] {
			some = append(some, s)
		}
	}
	return some
}

// marked counts the spans with the attribute.
func (all spans) marked(key string) (n int) {
	for _, s := range all {
		if s.Tag(key) == true {
			n++
		}
	}
	return n
}

// hops of a new type: what each service takes in, and what it calls for it.
var hops = [][3]string{
	{"gateway", "server", "POST"}, {"catalogs", "server", "POST " + typesPath}, {"catalogs", "client", "INSERT types"}, {"catalogs", "producer", "publish"},
	{"notification", "consumer", "process notification.types"}, {"notification", "client", "signalbox.catalogs"}, {"catalogs", "server", "signalbox.catalogs"},
}

func (all spans) whole() bool {
	for _, h := range hops {
		if len(all.of(h[0], h[1], h[2])) == 0 {
			return false
		}
	}
	return true
}

// TestNothingIsSampled but what is asked for: the ratio is 0, and Jaeger has the traces that a lease or an error promotes.
func TestNothingIsSampled(t *testing.T) {
	var failed atomic.Bool
	r := newRig(t, 0, func(d bus.Delivery) error {
		if strings.Contains(string(d.Data), "broken") && !failed.Swap(true) {
			return errors.New("the printer is on fire")
		}
		return nil
	})
	t.Run("a debugged user's request is whole in every service, and nobody else's is there", func(t *testing.T) { r.debugged(t) })
	t.Run("an error promotes from there on, marked partial", func(t *testing.T) { r.failing(t, &failed) })
	t.Run("a sampling lease", func(t *testing.T) { r.sampled(t) })
}

func (r *rig) debugged(t *testing.T) {
	before := r.makeType("42=admin", "lamp")
	_, drop := r.lease(`{"kind":"debug","value":{"level":"DEBUG","user":"42"},"ttl":"5m","reason":"a test"}`)
	other := r.makeType("7=admin", "chair")
	mine := r.makeType("42=admin", "table")
	var all spans
	wait.For(t, limit, "the whole tree", func() bool {
		all = r.spans(mine)
		return all.whole()
	})
	if roots := all.roots(); len(roots) != 1 || roots[0].Service != "gateway" {
		t.Errorf("roots: %+v", roots)
	}
	for _, h := range hops {
		if h[1] == "client" || h[1] == "producer" { // a flow's mark is on what came in
			continue
		}
		if some := all.of(h[0], h[1], h[2]); some.marked(trace.KeyDebug) != len(some) || some.marked(trace.KeyPartial) != 0 {
			t.Errorf("not marked as debugged: %+v", some)
		}
	}
	drop()
	after := r.makeType("42=admin", "bed")
	_, last := r.lease(`{"kind":"debug","value":{"level":"DEBUG","user":"43"},"ttl":"5m","reason":"a test"}`)
	end := r.makeType("43=admin", "desk") // what was exported before it has arrived when this has
	wait.For(t, limit, "the whole tree of the last", func() bool { return r.spans(end).whole() })
	last()
	for name, id := range map[string]string{"before the lease": before, "of another user": other, "after the lease": after} {
		if some := r.spans(id); len(some) > 0 {
			t.Errorf("a request %s is there: %+v", name, some)
		}
	}
}

func (r *rig) failing(t *testing.T, failed *atomic.Bool) {
	id := r.makeType("7=admin", "broken")
	var all spans
	wait.For(t, limit, "both tries, and what the second one called", func() bool {
		all = r.spans(id)
		return len(all.of("notification", "consumer", "process")) == 2 && len(all.of("catalogs", "server", "signalbox.catalogs")) > 0
	})
	tries := all.of("notification", "consumer", "process")
	errored := 0
	for _, s := range tries {
		if s.Tag("error") == true {
			errored++
		}
	}
	if tries.marked(trace.KeyPartial) != 2 || tries.marked(trace.KeyDebug) != 0 || errored != 1 || !failed.Load() {
		t.Errorf("the tries: %+v", tries)
	}
	if some := all.of("gateway", "server", ""); len(some) > 0 {
		t.Errorf("what had ended before the error is there: %+v", some)
	}
	var w whole
	a := r.call("admin", http.MethodGet, "/api/maintenance/v1/traces/"+id, "")
	if err := json.Unmarshal(a.Body, &w); err != nil || len(w.Missing) == 0 || w.Missing[0].Part != "spans" || w.Missing[0].Reason != "partial" {
		t.Errorf("%d, missing: %+v (%v)", a.Status, w.Missing, err)
	}
}

func (r *rig) sampled(t *testing.T) {
	there := func(id string) bool {
		all := r.spans(id)
		return len(all.of("gateway", "server", "")) == 1 && len(all.of("catalogs", "server", "")) > 0 && len(all.roots()) == 1
	}
	before := r.list()
	_, drop := r.lease(`{"kind":"sampling","service":"gateway","value":"1","ttl":"5m","reason":"a test"}`)
	during := r.list()
	wait.For(t, limit, "a trace that was sampled by the lease", func() bool { return there(during) })
	drop()
	after := r.list()
	_, drop = r.lease(`{"kind":"sampling","service":"gateway","value":{"ratio":1,"route":"POST ` + typesPath + `"},"ttl":"5m","reason":"a test"}`)
	elsewhere := r.list()
	made := r.makeType("7=admin", "shelf")
	wait.For(t, limit, "a trace of the lease's route", func() bool { return there(made) && r.spans(made).whole() })
	drop()
	for name, id := range map[string]string{"before the lease": before, "after it": after, "of another route": elsewhere} {
		if some := r.spans(id); len(some) > 0 {
			t.Errorf("a request %s is there: %+v", name, some)
		}
	}
}
