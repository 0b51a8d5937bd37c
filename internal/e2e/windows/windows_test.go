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
	if hc.Status != http.StatusServiceUnavailable || !strings.Contains(string(hc.Body), `"out_of_service"`) || !strings.Contains(string(hc.Body), "upgrade of the disk") || hc.Header.Get("Retry-After") == "" {
		t.Errorf("/hc: %d %v %s", hc.Status, hc.Header, hc.Body)
	}
	if alive := m.get(one.PublicAddr(), "/liveness"); alive.Status != http.StatusOK {
		t.Errorf("/liveness: %d", alive.Status)
	}
	if hc = m.get(two.PublicAddr(), "/hc"); hc.Status != http.StatusOK {
		t.Errorf("the other's /hc: %d %s", hc.Status, hc.Body)
	}

	began := time.Now()
	m.open("catalogs", "", "new memory", "4s") // which overlaps the first
	wait.For(t, limit, "the service to be closed", func() bool { return m.call("GET", who, "").Status == http.StatusServiceUnavailable })
	a := m.call("GET", who, "")
	seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
	if err != nil || seconds < 1 || seconds > 4 || a.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(string(a.Body), `"catalogs is in a maintenance window: new memory"`) || !strings.Contains(string(a.Body), `"unavailable"`) {
		t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
	}
	if other := m.call("GET", leases, ""); other.Status != http.StatusOK {
		t.Errorf("another service: %d", other.Status)
	}

	wait.For(t, limit, "the second window to end by itself", func() bool { return m.call("GET", who, "").Status == http.StatusOK })
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
	if hc = m.get(one.PublicAddr(), "/hc"); hc.Status != http.StatusOK || strings.Contains(string(hc.Body), `"window"`) {
		t.Errorf("/hc afterwards: %d %s", hc.Status, hc.Body)
	}
}

// A window of view-service, which holds the leases, can be closed through the gateway all the same.
func TestAWindowOfViewServiceCanBeClosed(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	id := m.open("view-service", "", "restore", "10m")
	logs := "/api/maintenance/v1/logs"
	wait.For(t, limit, "view-service to be closed", func() bool { return m.call("GET", logs, "").Status == http.StatusServiceUnavailable })
	m.drop(id)
	wait.For(t, limit, "view-service to be back", func() bool { return m.call("GET", logs, "").Status == http.StatusOK })
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
		if a := m.call("POST", leases, body); a.Status != want {
			t.Errorf("%s: %d %s", body, a.Status, a.Body)
		}
	}
	if seen := m.seen(10); seen["catalogs-1"] == 0 || seen["catalogs-2"] == 0 {
		t.Errorf("something is in a window: %v", seen)
	}
}
