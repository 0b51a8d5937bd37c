package viewservice_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

// The whole line: a service's logger, its spool, the wire, the store, a query; and back again, from a lease to the
// level of that logger.
func TestTheLineOfARecordAndTheWayBack(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	c, err := sidecar.New(t.Context(), m.config("catalogs", "catalogs-1", ""), m.Settings("catalogs"))
	if err != nil {
		t.Fatal(err)
	}
	stop := m.Run("catalogs", c)
	log := c.Logger("store")
	found := func(q string) int {
		return len(ask(t, v, "viewer", "service:catalogs logger:catalogs.store "+q).Records)
	}

	log.Warn("slow query", slog.Int("user_id", 42), slog.Group("http", slog.Int("status", 503)), slog.String("password", "hunter2"))
	log.Debug("unseen")
	start := time.Now()
	wait.For(t, limit, "the record in the store", func() bool { return found("level:warn user_id=42 http.status>=500") == 1 })
	t.Logf("METRIC write_to_visible_seconds=%.3f limit=1", time.Since(start).Seconds())
	if found("hunter2") != 0 {
		t.Error("a secret is in the log")
	}

	wait.For(t, limit, "catalogs to be live", func() bool { return len(states(t, v, "viewer:catalogs")) == 1 })
	listening(t, v, "catalogs-1")
	r, status := set(t, v, "operator", `{"kind":"level","service":"catalogs","logger":"catalogs.store","value":"debug","reason":"to see"}`)
	if status != http.StatusCreated || r.Applied != 1 {
		t.Fatalf("%d %+v", status, r)
	}
	log.Debug("seen now")
	c.Logger("other").Debug("unseen")
	wait.For(t, limit, "the debug record", func() bool { return found(`level:debug "seen now"`) == 1 })
	if _, status := drop(t, v, "operator", r.Lease.ID); status != http.StatusOK {
		t.Fatal(status)
	}
	log.Debug("unseen again")
	log.Info("the end")
	wait.For(t, limit, "the last record", func() bool { return found(`"the end"`) == 1 })
	if found("unseen") != 0 {
		t.Error("a record below its level was stored")
	}
	stop()
	if got := states(t, v, "viewer:catalogs"); len(got) != 1 || got[0] != "catalogs-1 stopped INFO" {
		t.Errorf("after its stop: %v", got)
	}
	if p := ask(t, v, "viewer", "service:catalogs"); len(p.Gaps) != 0 {
		t.Errorf("gaps: %+v", p.Gaps)
	}
}
