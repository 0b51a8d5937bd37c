package viewservice_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

type gap struct {
	Instance, Epoch, Class, Cause string
}

// silence makes it long ago that anything was heard of the service's runs.
func (m *mesh) silence(t *testing.T, service string) {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: m.DB.URL("maintenance"), Schema: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Pool().Exec(t.Context(), `UPDATE ledger SET heard_at = now() - interval '1 minute' WHERE stream IN (SELECT id FROM streams WHERE service = $1)`, service); err != nil {
		t.Fatal(err)
	}
}

func gapsOf(t *testing.T, v *viewservice.Service) []gap {
	t.Helper()
	var all struct{ Gaps []gap }
	call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs/gaps", "", &all)
	return all.Gaps
}

// part is what a sidecar has of the log line: a spool in a folder of its own, the shipper, and the word to the fleet.
type part struct {
	logs  *logging.Logs
	agent *fleet.Agent
	cut   func() // ends shipping
}

func (m *mesh) line(t *testing.T, dir string) part {
	t.Helper()
	conn, err := m.as(t, "catalogs").RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	logs, err := logging.New(logging.Settings{Service: "catalogs", Instance: "catalogs-1", SpoolDir: filepath.Join(dir, "catalogs", "catalogs-1"), Stderr: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(context.Background()) })
	agent := fleet.New(fleet.Settings{Service: "catalogs", Instance: "catalogs-1", Epoch: logs.Epoch(), PublicAddr: "127.0.0.1:1", StartedAt: time.Now(),
		Client: fleetv1.NewFleetServiceClient(conn), Ledger: logs.Ledger, Registerer: prometheus.NewRegistry()})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = logs.Ship(ctx, conn) }()
	cut := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(cut)
	return part{logs, agent, cut}
}

func (p part) logged(t *testing.T, msg string) {
	t.Helper()
	p.logs.Logger("catalogs").Info(msg)
	if err := p.logs.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// What is logged after a goodbye that was heard is missed, where the run is killed and its folder is never seen again.
func TestWhatComesAfterTheGoodbyeIsMissed(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	first := m.line(t, t.TempDir())
	first.logged(t, "before")
	first.cut()
	if err := first.agent.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.logs.Logger("catalogs").Info("after") // and then it is killed

	second := m.line(t, t.TempDir())
	second.logged(t, "of the next run, on another disk")
	m.silence(t, "catalogs")
	if all := gapsOf(t, v); !slices.Contains(all, gap{"catalogs-1", first.logs.Epoch(), "info", "tail unknown"}) {
		t.Errorf("gaps: %+v", all)
	}
}

// lastly is a bus that has something to say when it is closed, which is after the goodbye.
type lastly struct {
	bus.Bus
	log *slog.Logger
}

func (l lastly) Close(ctx context.Context) error {
	err := l.Bus.Close(ctx)
	l.log.Info("the bus is closed")
	return err
}

// A clean stop tells how far its lines go when the last one is made, and ships that too.
func TestACleanStopHasTheLastWord(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	s := m.Settings("catalogs")
	s.Bus = func(c bus.Client) (bus.Bus, error) {
		b, err := m.Bus(c)
		return lastly{b, c.Logger}, err
	}
	c, err := sidecar.New(t.Context(), m.config("catalogs", "catalogs-1", ""), s)
	if err != nil {
		t.Fatal(err)
	}
	stop := m.Run("catalogs", c)
	wait.For(t, limit, "catalogs to be live", func() bool { return len(states(t, v, "viewer:catalogs")) == 1 })
	stop()
	if n := len(ask(t, v, "viewer", `service:catalogs "the bus is closed"`).Records); n != 1 {
		t.Errorf("%d of the last records", n)
	}
	m.silence(t, "catalogs")
	if all := gapsOf(t, v); len(all) != 0 {
		t.Errorf("gaps after a clean stop: %+v", all)
	}
}
