package traces

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/e2e/parts"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/catalogs"
	"github.com/signalbox-mesh/signalbox/services/catalogs/api"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

const typesPath = "/api/catalogs/v1/types"

// rig is a mesh whose spans go to a Jaeger:
//
//	gateway ─HTTP─▶ catalogs ─outbox, bus─▶ notification ─gRPC─▶ catalogs
type rig struct {
	*meshtest.Mesh
	t            *testing.T
	jaeger       *jaeger.Server
	front        *gateway.Service
	types        *catalogs.Service
	notification *sidecar.Sidecar
}

// newRig samples the share of new traces. told is asked when notification has called catalogs for a new type; nil: all is well.
// edit changes where the spans go.
func newRig(t *testing.T, ratio float64, told func(bus.Delivery) error, edit ...func(*rig, *sidecar.Config)) *rig {
	t.Helper()
	r := &rig{t: t, jaeger: jaegertest.Server(t), Mesh: meshtest.New(t, []string{"view_service", "maintenance", "catalogs"}, "gateway", "catalogs", "view-service", "notification")}
	traced := func(c *sidecar.Config) {
		c.TraceExporter, c.TraceEndpoint, c.TraceRatio = []string{"otlp"}, "otlp="+r.jaeger.OTLPHTTP(), ratio
		c.StateDir, c.LogLevel, c.SpoolLimit = filepath.Join(r.Dir, "state"), "debug", 16<<20
		for _, e := range edit {
			e(r, c)
		}
	}
	parts.View(t, r.Mesh, "view-service-1", func(c *viewservice.Config) { c.TraceQuery = "jaeger=" + r.jaeger.Query() })
	config := r.Config("catalogs", "catalogs-1", "catalogs")
	traced(&config)
	var err error
	if r.types, err = catalogs.New(t.Context(), catalogs.Config{Config: config}, r.Settings("catalogs")); err != nil {
		t.Fatal(err)
	}
	r.notification = r.Small("notification", "notification-1", "", traced)
	r.notification.Subscribe(bus.Subscription{Queue: "notification.types", Exchange: bus.Events, Keys: []string{"catalogs.#"},
		Handler: func(ctx context.Context, d bus.Delivery) error {
			r.notification.Logger("told").InfoContext(ctx, "told of a type")
			conn, err := r.notification.Mesh().RPC("catalogs")
			if err != nil {
				return err
			}
			_, _ = api.New(conn).Type(ctx, "lamp") // for nobody, which catalogs may refuse: the call is what counts
			if told == nil {
				return nil
			}
			return told(d)
		}})
	r.Run("catalogs", r.types)
	r.Run("notification", r.notification)
	r.front = parts.Gateway(t, r.Mesh, func(c *gateway.Config) { traced(&c.Config) })
	wait.For(t, limit, "the mesh", func() bool { return r.call("admin", http.MethodGet, typesPath, "").Status == http.StatusOK })
	return r
}

func (r *rig) call(token, method, path, body string) meshtest.Answer {
	r.t.Helper()
	return r.Call(r.front.PublicAddr(), token, method, path, body)
}

// makeType through the gateway; the trace of it.
func (r *rig) makeType(token, name string) (trace string) {
	r.t.Helper()
	made := r.call(token, http.MethodPost, typesPath, `{"name":"`+name+`","schema":{}}`)
	trace = made.Header.Get("X-Trace-Id")
	if made.Status != http.StatusCreated || len(trace) != 32 {
		r.t.Fatalf("%d %s, trace %q", made.Status, made.Body, trace)
	}
	return trace
}

// list asks for the types; the trace of it.
func (r *rig) list() (trace string) {
	r.t.Helper()
	a := r.call("admin", http.MethodGet, typesPath, "")
	if a.Status != http.StatusOK {
		r.t.Fatalf("%d %s", a.Status, a.Body)
	}
	return a.Header.Get("X-Trace-Id")
}

const leasesPath = "/api/maintenance/v1/leases"

// lease changes the mesh, until all of the instances that are meant have done so; drop takes it back.
func (r *rig) lease(body string) (id string, drop func()) {
	r.t.Helper()
	var live struct{ Instances []struct{ State string } }
	wait.For(r.t, limit, "four instances", func() bool {
		a := r.call("admin", http.MethodGet, "/api/maintenance/v1/instances", "")
		return a.Status == http.StatusOK && json.Unmarshal(a.Body, &live) == nil && len(live.Instances) == 4
	})
	var receipt struct {
		Lease    struct{ ID string }
		Expected int
	}
	a := r.call("admin", http.MethodPost, leasesPath, body)
	if err := json.Unmarshal(a.Body, &receipt); err != nil || a.Status != http.StatusCreated {
		r.t.Fatalf("%d %s", a.Status, a.Body)
	}
	var now struct{ Results, Ends []struct{ State string } }
	settled := func() bool {
		now.Results, now.Ends = nil, nil
		a := r.call("admin", http.MethodGet, leasesPath+"/"+receipt.Lease.ID, "")
		return a.Status == http.StatusOK && json.Unmarshal(a.Body, &now) == nil
	}
	applied := func(all []struct{ State string }) (n int) {
		for _, o := range all {
			if o.State == "applied" {
				n++
			}
		}
		return n
	}
	wait.For(r.t, limit, "the lease to hold", func() bool { return settled() && receipt.Expected > 0 && applied(now.Results) == receipt.Expected })
	return receipt.Lease.ID, func() {
		if a := r.call("admin", http.MethodDelete, leasesPath+"/"+receipt.Lease.ID, ""); a.Status != http.StatusOK {
			r.t.Fatalf("%d %s", a.Status, a.Body)
		}
		wait.For(r.t, limit, "the lease to be over", func() bool { return settled() && applied(now.Ends) == receipt.Expected })
	}
}

// spans that Jaeger has of a trace by now.
func (r *rig) spans(trace string) spans {
	r.t.Helper()
	all, err := jaegertest.Trace(r.t.Context(), r.jaeger, trace)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}
