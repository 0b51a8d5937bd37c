package viewservice_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

type detail struct {
	Instance struct {
		Service, State string
		Usage          *struct {
			MemoryBytes uint64 `json:"memory_bytes"`
			Goroutines  int
			Process     string
		}
	}
	Samples []struct {
		MemoryBytes uint64  `json:"memory_bytes"`
		HeapBytes   uint64  `json:"heap_bytes"`
		CPUSeconds  float64 `json:"cpu_seconds"`
		At          time.Time
	}
	History []struct{ Check, From, To string }
}

func (d detail) changed(check, to string) bool {
	return slices.ContainsFunc(d.History, func(c struct{ Check, From, To string }) bool { return c.Check == check && c.To == to })
}

// What an instance takes, and what has become of its checks, is told of each one by itself, to who may see it.
func TestOneInstanceWithItsPast(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	const path = "/api/maintenance/v1/instances/"
	var d detail
	wait.For(t, limit, "its past", func() bool {
		d = detail{}
		call(t, v, "viewer", http.MethodGet, path+"view-service-1", "", &d)
		return (d.changed("", "up") || d.changed("", "degraded")) && d.changed("postgres-view_service", "up") && len(d.Samples) > 0
	})
	if u := d.Instance.Usage; d.Instance.Service != "view-service" || d.Instance.State != "live" || u == nil || u.Goroutines == 0 || u.Process == "" {
		t.Errorf("%+v", d.Instance)
	}
	if s := d.Samples[0]; s.HeapBytes == 0 || s.CPUSeconds <= 0 || time.Since(s.At) > time.Minute {
		t.Errorf("%+v", d.Samples)
	}
	_, stop := m.view(t, "view-service-2")
	wait.For(t, limit, "the other one", func() bool {
		return call(t, v, "viewer", http.MethodGet, path+"view-service-2", "", nil) == http.StatusOK
	})
	stop()
	wait.For(t, limit, "its end", func() bool {
		var gone detail
		call(t, v, "viewer", http.MethodGet, path+"view-service-2", "", &gone)
		return gone.Instance.State == "stopped" && gone.changed("", "stopped")
	})
	for token, want := range map[string]int{"viewer": 200, "viewer:view-service": 200, "viewer:gateway": 404, "builder": 403, "sender": 403} {
		if status := call(t, v, token, http.MethodGet, path+"view-service-1", "", nil); status != want {
			t.Errorf("%s: %d, want %d", token, status, want)
		}
	}
	for rest, want := range map[string]int{"nobody": 404, "%00": 400, "%ff": 400, "view-service-1?service=view-service": 200, "view-service-1?service=gateway": 404, "view-service-1?service=%00": 400} {
		if status := call(t, v, "viewer", http.MethodGet, path+rest, "", nil); status != want {
			t.Errorf("%s: %d, want %d", rest, status, want)
		}
	}
}
