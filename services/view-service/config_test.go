package viewservice_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

func TestWrongSettingsEndWithOneSentence(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	for variable, edit := range map[string]func(*viewservice.Config){
		"LOG_RETENTION":       func(c *viewservice.Config) { c.Retention = time.Minute },
		"LEASE_TTL":           func(c *viewservice.Config) { c.LeaseTTL = 48 * time.Hour },
		"LOG_MAX_TAILS":       func(c *viewservice.Config) { c.MaxTails = 0 },
		"LOG_QUEUE":           func(c *viewservice.Config) { c.Queue = 999 },
		"LOG_QUOTA":           func(c *viewservice.Config) { c.Quota = -1 },
		"KEY_FILE":            func(c *viewservice.Config) { c.KeyFile = "" },
		"TRACE_QUERY":         func(c *viewservice.Config) { c.TraceQuery = "tempo=http://u:hunter2@host" },
		"TRACE_UI":            func(c *viewservice.Config) { c.TraceUI = "https://host/trace/" },
		"POSTGRES_URL":        func(c *viewservice.Config) { c.LogsURL = "mysql://user:hunter2@host/db" },
		"POSTGRES_URL of the": func(c *viewservice.Config) { c.LogsURL, c.LogsOwnerURL = "", "" },
	} {
		c := m.viewConfig("view-service-1")
		edit(&c)
		v, err := viewservice.New(t.Context(), c, m.Settings("view-service"))
		var bad *settings.Error
		if variable == "POSTGRES_URL of the" { // it falls back on the own one, which is no error of the settings
			if err != nil {
				t.Errorf("without a log store of its own: %v", err)
			} else if err := v.Stop(t.Context()); err != nil {
				t.Error(err)
			}
			continue
		}
		if !errors.As(err, &bad) || !strings.Contains(bad.Variable, variable) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

// P-4: no request holds a connection while it waits for another one.
func TestP4_OneConnectionIsEnough(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1", func(c *viewservice.Config) { c.PostgresConns = 1 })
	m.instance(t, "catalogs", "catalogs-1", false)
	tails := []<-chan string{tail(t, v, "viewer", "q=service:catalogs"), tail(t, v, "viewer", "q=service:catalogs&backlog=10")}
	wait.For(t, limit, "it to be live", func() bool { return len(states(t, v, "viewer")) == 1 })
	listening(t, v, "catalogs-1")
	export(t, m.logs(t, "catalogs"), batch("catalogs", 1, "one", "two"))
	for _, got := range tails {
		expect(t, got, "one")
		expect(t, got, "two")
	}
	if r, status := set(t, v, "operator", `{"kind":"level","service":"catalogs","value":"debug","reason":"r"}`); status != http.StatusCreated || r.Applied != 1 {
		t.Errorf("%d %+v", status, r)
	}
	for _, path := range []string{"/api/maintenance/v1/logs", "/api/maintenance/v1/audit", "/api/maintenance/v1/targets", leases, "/api/view-service/v1/views"} {
		if got := call(t, v, "viewer", http.MethodGet, path, "", nil); got != http.StatusOK {
			t.Errorf("%s: %d", path, got)
		}
	}
}

func TestTailsAreBounded(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1", func(c *viewservice.Config) { c.MaxTails = 1 })
	tail(t, v, "viewer", "")
	var p struct{ Code string }
	if got := call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs/tail", "", &p); got != http.StatusTooManyRequests || p.Code != "too_many" {
		t.Errorf("one tail too many: %d %+v", got, p)
	}
}
