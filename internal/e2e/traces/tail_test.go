package traces

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/collector"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// recipe is what docs/traces.md shows.
const recipe = "../../../docs/examples/collector/tail-sampling.yaml"

// TestTailSampling: with the documents' recipe, of a hundred requests that go well a share arrives, and one whose last handler
// fails, and one whose last handler is slow, arrive with every span that the services have made. What they have made tells the rig's
// own Jaeger, which gets all of it.
func TestTailSampling(t *testing.T) {
	const slow, share, requests = 2 * time.Second, 20, 100
	kept := jaegertest.Server(t)
	tail := startCollector(t, map[string]string{
		"JAEGER": kept.OTLPGRPC(), "DECISION_WAIT": "10s", "SLOW_MS": fmt.Sprint(slow.Milliseconds()), "PERCENT": fmt.Sprint(share),
	})
	r := newRig(t, 1, func(d bus.Delivery) error {
		switch d.Subject {
		case "broken":
			return bus.Park(errors.New("nobody can be told of this"))
		case "late":
			<-time.After(slow + time.Second)
		}
		return nil
	}, func(r *rig, c *sidecar.Config) {
		c.TraceExporter, c.TraceEndpoint = []string{"otlp", "zipkin"}, "otlp="+tail.OTLPHTTP()+",zipkin="+r.jaeger.Zipkin()
	})
	var well []string
	for range requests {
		well = append(well, r.list())
	}
	var made, got map[string]string
	defer func() {
		if t.Failed() {
			t.Logf("lacks %q\nmade %v\nkept %v", lacks(made), made, got)
		}
	}()
	for what, id := range map[string]string{"failed": r.makeType("admin", "broken"), "slow": r.makeType("admin", "late")} {
		wait.For(t, 2*limit, "all of what "+what, func() bool {
			made, got = ids(t, r.jaeger, id), ids(t, kept, id)
			return lacks(made) == "" && maps.Equal(made, got)
		})
		t.Logf("what %s: %d spans, all of them kept", what, len(got))
	}
	var some []string
	wait.For(t, limit, "a share of what went well", func() bool {
		some = nil
		for _, id := range well {
			if got := ids(t, kept, id); len(got) > 0 && maps.Equal(got, ids(t, r.jaeger, id)) {
				some = append(some, id)
			}
		}
		return len(some) > 0
	})
	t.Logf("METRIC tail_kept_percent=%d limit=%d", 100*len(some)/requests, 2*share)
	if len(some) > requests/2 {
		t.Errorf("%d of %d requests that went well are kept", len(some), requests)
	}
	told := scrape(t, tail.Metrics())
	for _, name := range []string{"global_count_traces_sampled", "sampling_trace_dropped_too_early", "sampling_traces_on_memory"} {
		if !strings.Contains(told, "otelcol_processor_tail_sampling_"+name) {
			t.Errorf("the Collector does not tell of %s, which the documents name", name)
		}
	}
}

// startCollector runs the recipe until the end of the test.
func startCollector(t *testing.T, env map[string]string) *collector.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := collector.New(collector.Settings{Config: recipe, Env: env, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ids of a trace's spans: the id of each, and what it is. Zipkin's form has names in small letters.
func ids(t *testing.T, j *jaeger.Server, id string) map[string]string {
	t.Helper()
	trace, err := jaegertest.Trace(t.Context(), j, id)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, s := range trace {
		if s.Tag("signalbox.partial") != nil {
			t.Errorf("%s of %s says that its trace is a part", s.Name, s.Service)
		}
		all[s.SpanID] = s.Service + " " + strings.ToLower(s.Name)
	}
	return all
}

// lacks names the first place of the chain that the spans lack; "": they lack none.
func lacks(spans map[string]string) string {
	for _, hop := range []string{"gateway post /api/catalogs/", "catalogs post " + typesPath, "catalogs insert", "catalogs publish signalbox.events", "notification process notification.types"} {
		found := false
		for _, what := range spans {
			found = found || strings.HasPrefix(what, hop)
		}
		if !found {
			return hop
		}
	}
	return ""
}
