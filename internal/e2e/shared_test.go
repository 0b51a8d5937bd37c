package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// sharedHouse is the one mesh that the tests share which only use it: RabbitMQ, and spans to a collector of ours.
type sharedHouse struct {
	*mesh
	spans *collector
}

var oneHouse = sync.OnceValues(func() (sharedHouse, error) {
	c := &collector{traces: map[string]map[string]bool{}}
	server := httptest.NewServer(c)
	guard.AtExit(server.Close)
	state, err := folder("shared")
	if err != nil {
		return sharedHouse{}, err
	}
	m, err := bringUp(state, []string{"SIGNALBOX_TRACE_EXPORTER=zipkin", "SIGNALBOX_TRACE_ENDPOINT=" + server.URL + "/api/v2/spans"}, "--bus", "rabbitmq")
	if m != nil {
		guard.AtExit(m.finish)
	}
	return sharedHouse{m, c}, err
})

func sharedMesh(t testing.TB) sharedHouse {
	t.Helper()
	h, err := oneHouse()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// collector is as much of a Zipkin as receives: which services had spans in which trace.
type collector struct {
	mu     sync.Mutex
	traces map[string]map[string]bool
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var spans []struct {
		TraceID       string `json:"traceId"`
		LocalEndpoint struct {
			ServiceName string `json:"serviceName"`
		} `json:"localEndpoint"`
	}
	if err := json.NewDecoder(r.Body).Decode(&spans); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range spans {
		if c.traces[s.TraceID] == nil {
			c.traces[s.TraceID] = map[string]bool{}
		}
		c.traces[s.TraceID][s.LocalEndpoint.ServiceName] = true
	}
	w.WriteHeader(http.StatusAccepted)
}

// saw reports whether spans of all the services came in the trace.
func (c *collector) saw(trace string, services ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range services {
		if !c.traces[trace][s] {
			return false
		}
	}
	return true
}
