package scheduler_test

import (
	"net/http"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// A database that dies while the scheduler runs is said as such: 503 on every path, not an error of ours; and it goes on
// by itself.
func TestP3_WithoutItsDatabaseTheSchedulerSaysSo(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	s, _ := newMeshOn(t, pgtest.On(t, server, "scheduler", "billing")).scheduler(t, "scheduler-1")
	const one = "/schedules/scheduler.retention"
	listed := func() bool { return call(t, s.PublicAddr(), "operator", http.MethodGet, one, "", nil) == http.StatusOK }
	wait.For(t, limit, "the own schedule", listed)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/schedules", ""}, {"GET", one, ""}, {"GET", one + "/next", ""}, {"GET", "/fires", ""}, {"GET", "/fires/x", ""},
		{"POST", one + "/pause", `{"note": "x"}`}, {"POST", one + "/resume", ""}, {"POST", one + "/run", ""},
		{"PUT", one, `{"spec": {"cron": "@daily"}}`}, {"DELETE", one, ""}, {"DELETE", one + "/edit", ""}, {"POST", "/fires/x/cancel", ""},
		{"POST", one + "/backfill", `{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}`}, {"POST", one + "/take", `{"instance": "x"}`},
	} {
		if got := call(t, s.PublicAddr(), "operator", c.method, c.path, c.body, nil); got != http.StatusServiceUnavailable {
			t.Errorf("%s %s without a database: %d, want 503", c.method, c.path, got)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait.For(t, limit, "the database again", listed)
}
