package gateway_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// A service in a maintenance window is not asked; the answer says what for and when it is back. The others go on, and
// leases can be dropped, or nobody could close a window of view-service.
func TestServicesInAMaintenanceWindow(t *testing.T) {
	t.Parallel()
	catalogs, view := health.New(health.Settings{}), health.New(health.Settings{})
	services := echoes()
	services["catalogs"] = windowed{echo("catalogs"), catalogs}
	services["view-service"] = windowed{echo("view-service"), view}
	r := start(t, config(), services)
	token := r.token("anna", access.Grant{Role: access.Operator})
	get := func(path string) answer { return r.call("GET", path, token, nil) }

	open := []health.Window{{Message: "upgrade of the disk", Until: time.Now().Add(time.Minute)}}
	catalogs.SetWindows(open)
	view.SetWindows(open)
	wait.For(t, 10*time.Second, "the windows to be seen", func() bool {
		return get("/api/catalogs/v1/types").status == 503 && get("/api/maintenance/v1/logs").status == 503
	})
	a := r.call("POST", "/api/catalogs/v1/types", token, repeat(10))
	want(t, a, http.StatusServiceUnavailable, "unavailable")
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || seconds < 30 || seconds > 60 {
		t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
	}
	if got := a.body["detail"]; got != "catalogs is in a maintenance window: upgrade of the disk" {
		t.Errorf("detail: %v", got)
	}
	for _, path := range []string{"/api/scheduler/v1/schedules", "/api/maintenance/v1/leases", "/api/maintenance/v1/leases/7"} {
		if a := get(path); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}

	catalogs.SetWindows([]health.Window{{Message: "without an end"}})
	wait.For(t, 10*time.Second, "the other window", func() bool {
		return get("/api/catalogs/v1/types").header.Get("Retry-After") == "60" // a minute, while nobody knows
	})
	catalogs.SetWindows(nil)
	wait.For(t, 10*time.Second, "catalogs to be back", func() bool { return get("/api/catalogs/v1/types").status == http.StatusOK })
}
