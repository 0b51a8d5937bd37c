package windows

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// A window is a lease: it takes one instance out of service, or all; it ends by itself, or when it is dropped; and the
// gateway says meanwhile what is the matter. Neither /liveness nor those that are in no window notice.
func TestMaintenanceWindows(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	one, two := m.catalogs[0], m.catalogs[1]

	disk := m.open("catalogs", "catalogs-1", "upgrade of the disk", "10m")
	wait.For(t, limit, "the gateway to leave it alone", func() bool { return m.seen(20)["catalogs-1"] == 0 })
	if seen := m.seen(20); seen["catalogs-2"] != 20 {
		t.Errorf("while one is in a window: %v", seen)
	}
	hc := m.get(one.PublicAddr(), "/hc")
	if hc.status != http.StatusServiceUnavailable || !strings.Contains(hc.body, `"out_of_service"`) || !strings.Contains(hc.body, "upgrade of the disk") || hc.header.Get("Retry-After") == "" {
		t.Errorf("/hc: %d %v %s", hc.status, hc.header, hc.body)
	}
	if alive := m.get(one.PublicAddr(), "/liveness"); alive.status != http.StatusOK {
		t.Errorf("/liveness: %d", alive.status)
	}
	if hc = m.get(two.PublicAddr(), "/hc"); hc.status != http.StatusOK {
		t.Errorf("the other's /hc: %d %s", hc.status, hc.body)
	}

	began := time.Now()
	m.open("catalogs", "", "new memory", "4s") // which overlaps the first
	wait.For(t, limit, "the service to be closed", func() bool { return m.call("GET", who, "").status == http.StatusServiceUnavailable })
	a := m.call("GET", who, "")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 4 || a.header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(a.body, `"catalogs is in a maintenance window: new memory"`) || !strings.Contains(a.body, `"unavailable"`) {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if other := m.call("GET", leases, ""); other.status != http.StatusOK {
		t.Errorf("another service: %d", other.status)
	}

	wait.For(t, limit, "the second window to end by itself", func() bool { return m.call("GET", who, "").status == http.StatusOK })
	if passed := time.Since(began); passed < 3500*time.Millisecond {
		t.Errorf("it ended after %s", passed)
	} else {
		t.Logf("METRIC window_back_ms=%d limit=5000", passed.Milliseconds())
	}
	if seen := m.seen(10); seen["catalogs-2"] != 10 {
		t.Errorf("the first window still holds: %v", seen)
	}
	m.drop(disk)
	wait.For(t, limit, "both to serve again", func() bool { return m.seen(20)["catalogs-1"] > 0 })
	if hc = m.get(one.PublicAddr(), "/hc"); hc.status != http.StatusOK || strings.Contains(hc.body, `"window"`) {
		t.Errorf("/hc afterwards: %d %s", hc.status, hc.body)
	}
}

// A window of view-service, which holds the leases, can be closed through the gateway all the same.
func TestAWindowOfViewServiceCanBeClosed(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	id := m.open("view-service", "", "restore", "10m")
	logs := "/api/maintenance/v1/logs"
	wait.For(t, limit, "view-service to be closed", func() bool { return m.call("GET", logs, "").status == http.StatusServiceUnavailable })
	m.drop(id)
	wait.For(t, limit, "view-service to be back", func() bool { return m.call("GET", logs, "").status == http.StatusOK })
}

func TestWhatIsNoWindowIsRefused(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	for body, want := range map[string]int{
		`{"kind":"window","service":"catalogs","value":{"message":""},"ttl":"1m","reason":"r"}`:     http.StatusBadRequest,
		`{"kind":"window","service":"catalogs","value":{"massage":"x"},"ttl":"1m","reason":"r"}`:    http.StatusBadRequest,
		`{"kind":"window","service":"catalogs","value":{"message":"x"},"ttl":"-1m","reason":"r"}`:   http.StatusBadRequest,
		`{"kind":"window","service":"catalogs","value":{"message":"x"},"ttl":"1000h","reason":"r"}`: http.StatusBadRequest,
	} {
		if a := m.call("POST", leases, body); a.status != want {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if seen := m.seen(10); seen["catalogs-1"] == 0 || seen["catalogs-2"] == 0 {
		t.Errorf("something is in a window: %v", seen)
	}
}
