package viewservice_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// Its own lines take the way of everybody's: spool, receiver, store. Sending them makes no further line.
func TestItsOwnLinesAreStoredAndMakeNoMore(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, stop := m.view(t, "view-service-1")
	other, _ := m.view(t, "view-service-2")
	const own = "service:view-service instance:view-service-1 -logger:view-service.http"
	wait.For(t, limit, "its first lines", func() bool { return len(ask(t, v, "viewer", own+` "service is ready"`).Records) == 1 })
	last, since := -1, time.Now()
	wait.For(t, limit, "silence over some heartbeats and batches", func() bool {
		if n := len(ask(t, v, "viewer", own).Records); n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 3*time.Second
	})
	stop()
	wait.For(t, limit, "its last line", func() bool { return len(ask(t, other, "viewer", own+` "service is stopping"`).Records) == 1 })
	var all instances
	call(t, other, "viewer", http.MethodGet, "/api/maintenance/v1/instances?service=view-service", "", &all)
	if len(all.Instances) != 2 || all.Instances[0].State != "stopped" || all.Instances[1].State != "live" {
		t.Errorf("%+v", all)
	}
}
