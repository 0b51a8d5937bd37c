package pg_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// TestWhoGetsNoConnectionIsCounted: a server that is away, and one that refuses the login, fail every call over the edge, each once;
// connections that come about are no calls.
func TestWhoGetsNoConnectionIsCounted(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	db := pgtest.On(t, server, "things")
	edge := func(r prometheus.Registerer, target string) (*pg.DB, func() telemetry.EdgeCounts) {
		edges := telemetry.NewEdges(r, "catalogs")
		d := openWith(t, pg.Settings{URL: target, Schema: "things", Registerer: r, Edges: edges})
		return d, func() telemetry.EdgeCounts { return edges.All()[0] }
	}
	calls := func(e telemetry.EdgeCounts) (n uint64) {
		for _, c := range e.Classes {
			n += c
		}
		return n
	}
	const times = 5
	ask := func(d *pg.DB) (failures uint64) {
		for range times {
			if _, err := d.Pool().Exec(t.Context(), `SELECT 1`); err != nil {
				failures++
			}
		}
		return failures
	}
	well, said := edge(nil, db.OwnerURL("things"))
	if failures := ask(well); failures != 0 || calls(said()) != times || said().Errors != 0 {
		t.Errorf("%d failed; the edge has %+v", failures, said())
	}
	refused, err := url.Parse(db.OwnerURL("things"))
	if err != nil {
		t.Fatal(err)
	}
	refused.User = url.UserPassword(refused.User.Username(), "wrong-one")
	stranger, said := edge(nil, refused.String())
	if failures := ask(stranger); failures != times || calls(said()) != times || said().Errors != times {
		t.Errorf("login refused: %d failed; the edge has %+v", failures, said())
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewRegistry()
	away, said := edge(r, db.OwnerURL("things"))
	if failures := ask(away); failures != times || calls(said()) != times || said().Errors != times {
		t.Errorf("away: %d failed; the edge has %+v", failures, said())
	}
	if n, err := testutil.GatherAndCount(r, "db_client_operation_duration_seconds"); err != nil || n != 1 {
		t.Errorf("%d series of operations (%v)", n, err)
	}
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() != "db_client_operation_duration_seconds" {
			continue
		}
		one := f.GetMetric()[0]
		if text := fmt.Sprint(one.GetLabel()); one.GetHistogram().GetSampleCount() != times || !strings.Contains(text, "CONNECT") || !strings.Contains(text, `"connection"`) {
			t.Errorf("%d of %s", one.GetHistogram().GetSampleCount(), text)
		}
	}
}
