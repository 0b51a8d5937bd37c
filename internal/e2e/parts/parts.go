// Package parts runs the services that most tests from end to end need, as parts of a test's mesh.
package parts

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/maintenance"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

// View runs a replica of view-service, which has the schemas view_service and maintenance.
func View(t testing.TB, m *meshtest.Mesh, instance string, edit ...func(*viewservice.Config)) *viewservice.Service {
	t.Helper()
	c := viewservice.Config{Config: m.Config("view-service", instance, "view_service"), Maintenance: maintenance.DefaultConfig(),
		LogsURL: m.DB.URL("maintenance"), LogsOwnerURL: m.DB.OwnerURL("maintenance")}
	for _, e := range edit {
		e(&c)
	}
	v, err := viewservice.New(t.Context(), c, m.Settings("view-service"))
	if err != nil {
		t.Fatal(err)
	}
	m.Run("view-service", v)
	return v
}

// Gateway runs a gateway that limits nobody.
func Gateway(t testing.TB, m *meshtest.Mesh, edit ...func(*gateway.Config)) *gateway.Service {
	t.Helper()
	c := gateway.Config{Config: m.Config("gateway", "gateway-1", ""), PerUser: "0", PerAddress: "0"}
	c.OpsAddr = "127.0.0.1:0"
	for _, e := range edit {
		e(&c)
	}
	g, err := gateway.New(t.Context(), c, m.Settings("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	m.Run("gateway", g)
	return g
}
