package e2e

import (
	"net/http"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// drawn is the topology as the API tells it.
type drawn struct {
	Nodes []struct {
		Name, Kind, Health string
		Versions           []string
	}
	Edges []passed
}

type passed struct {
	Source, Destination, Protocol string
	Rate, Errors                  float64
	P50                           float64 `json:"p50_ms"`
	P99                           float64 `json:"p99_ms"`
}

func (d drawn) edge(source, destination, protocol string) (p passed) {
	for _, e := range d.Edges {
		if e.Source == source && e.Destination == destination && e.Protocol == protocol {
			return e
		}
	}
	return p
}

func (m *mesh) topology(t *testing.T) (d drawn) {
	t.Helper()
	m.must(t, http.StatusOK, http.MethodGet, "/api/maintenance/v1/topology", nil).decode(t, &d)
	return d
}

// TestTopology: what has passed through a mesh is drawn, from the callers outside to the servers behind the services, with its rate,
// its share of errors, and how long it took; each service stands there with its version.
func TestTopology(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t).mesh
	want := [][3]string{
		{"outside", "gateway", "http"}, {"browser", "gateway", "http"}, {"gateway", "catalogs", "http"}, {"gateway", "view-service", "http"},
		{"catalogs", "postgresql", "postgresql"}, {"catalogs", "rabbitmq", "amqp"}, {"catalogs", "scheduler", "grpc"},
	}
	var d drawn
	wait.For(t, 2*limit, "all edges with a rate", func() bool {
		for range 5 {
			m.must(t, http.StatusOK, http.MethodGet, typesPath, nil)
			request(t.Context(), http.MethodGet, m.API+typesPath, m.token, nil, "Sec-Fetch-Mode", "cors")
		}
		m.must(t, http.StatusCreated, http.MethodPost, typesPath, map[string]any{"name": unique("drawn"), "schema": map[string]any{}})
		d = m.topology(t)
		for _, e := range want {
			if d.edge(e[0], e[1], e[2]).Rate == 0 {
				return false
			}
		}
		return true
	})
	for _, e := range want {
		p := d.edge(e[0], e[1], e[2])
		if p.P50 <= 0 || p.P99 < p.P50 || p.P99 > 60_000 || p.Errors < 0 || p.Errors > 1 {
			t.Errorf("%+v", p)
		}
	}
	kinds := map[string]string{}
	for _, n := range d.Nodes {
		kinds[n.Name] = n.Kind
		if n.Kind == "service" && (len(n.Versions) != 1 || n.Versions[0] == "" || n.Health == "unknown") {
			t.Errorf("%+v", n)
		}
	}
	for _, r := range m.ps(t) {
		if kinds[r.Service] != "service" {
			t.Errorf("%s is not drawn: %v", r.Service, kinds)
		}
	}
	if kinds["postgresql"] != "dependency" || kinds["rabbitmq"] != "dependency" || kinds["outside"] != "caller" || kinds["browser"] != "caller" {
		t.Errorf("%v", kinds)
	}
}
