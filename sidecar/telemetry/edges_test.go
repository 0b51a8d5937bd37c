package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

func TestEdges(t *testing.T) {
	t.Parallel()
	r := prometheus.NewPedanticRegistry()
	e := telemetry.NewEdges(r, "catalogs")
	db := e.To(telemetry.NodePostgres, "postgresql")
	db.Observe(t.Context(), 400*time.Microsecond, false)
	db.Observe(t.Context(), 2*time.Minute, true)
	e.From(telemetry.NodeBrowser, "http").SetOpen(true)
	for _, c := range e.All() {
		switch c.Destination {
		case telemetry.NodePostgres:
			if c.Source != "catalogs" || c.Errors != 1 || c.Classes[0] != 1 || c.Classes[len(c.Classes)-1] != 1 || c.Open {
				t.Errorf("%+v", c)
			}
		case "catalogs":
			if c.Source != telemetry.NodeBrowser || !c.Open {
				t.Errorf("%+v", c)
			}
		default:
			t.Errorf("%+v", c)
		}
	}
	const want = `# HELP signalbox_edge_errors_total What of it failed, by the destination's fault or for want of an answer
# TYPE signalbox_edge_errors_total counter
signalbox_edge_errors_total{destination="catalogs",protocol="http",source="browser"} 0
signalbox_edge_errors_total{destination="postgresql",protocol="postgresql",source="catalogs"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "signalbox_edge_errors_total"); err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(r, "signalbox_edge_duration_seconds"); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// Who calls cannot make series without end.
func TestEdgesAreBounded(t *testing.T) {
	t.Parallel()
	e := telemetry.NewEdges(prometheus.NewRegistry(), "gateway")
	for i := range 10_000 {
		e.To(fmt.Sprint("host-", i), "http").Observe(t.Context(), time.Millisecond, false)
		e.From(fmt.Sprint("caller-", i), "http").Observe(t.Context(), time.Millisecond, false)
	}
	var sum uint64
	for _, c := range e.All() {
		for _, n := range c.Classes {
			sum += n
		}
	}
	if n := len(e.All()); n > 300 || sum != 20_000 {
		t.Errorf("%d edges with %d calls", n, sum)
	}
}
