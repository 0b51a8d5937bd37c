package e2e

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// serversKilled kills the mesh's own PostgreSQL, then its RabbitMQ, under load: each comes back on its data, whoever
// was told that a record is made finds it, and what is timed arrives again.
func (m *mesh) serversKilled(t *testing.T) {
	m.newType(t, "survivor")
	w := m.writePatiently(t, "survivor", 4)
	for _, server := range []struct{ name, command string }{{"PostgreSQL", "postgres -D"}, {"RabbitMQ", "beam.smp"}} {
		goesOn(t, w, 50)
		m.killServer(t, server.command)
		began := time.Now()
		wait.For(t, 2*limit, server.name+" to be back", func() bool { return m.said(server.name + " is back") })
		t.Logf("METRIC e2e_%s_back_after_kill_seconds=%.2f limit=15", strings.ToLower(server.name), time.Since(began).Seconds())
		goesOn(t, w, 50)
	}
	w.end()
	w.conserved(t, m)
	wait.For(t, 2*limit, "every instance to be up", func() bool {
		return !slices.ContainsFunc(m.ps(t), func(r row) bool { return !r.well(t) })
	})
	wait.For(t, limit, "the events to go out", func() bool {
		return m.sql(t, `SELECT count(*) FROM catalogs.outbox WHERE published_at IS NULL`) == "0"
	})
	m.tool(t, "schedule", "run", "catalogs.event-purge")
	m.must(t, http.StatusCreated, http.MethodPost, recordsPath("survivor"), `{"data":{"n":-1}}`) // a fresh one, after the faults
}

// goesOn waits until so many more records were acknowledged.
func goesOn(t *testing.T, w *writers, more int) {
	t.Helper()
	from := w.count()
	wait.For(t, 2*limit, "acknowledged records", func() bool { return w.count() >= from+more })
}

// killServer kills the one process of the mesh's family whose command has the words in it.
func (m *mesh) killServer(t *testing.T, words string) {
	t.Helper()
	var found []proc
	for _, p := range family(m.pid()) {
		if strings.Contains(p.command, words) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%q is not one of the mesh's family: %v", words, found) // H-1
	}
	if err := syscall.Kill(found[0].pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
