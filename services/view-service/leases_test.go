package viewservice_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// instance is the part of a sidecar that this is about: levels and the fleet's agent.
type instance struct {
	levels *level.Table
	stop   func() // cleanly
	kill   func() // without a word
}

func (i instance) at(logger string) slog.Level { return i.levels.Var(logger).Level() }

// instance joins the mesh; deaf ones have no bus.
func (m *mesh) instance(t *testing.T, service, name string, deaf bool) instance {
	t.Helper()
	conn, err := m.as(t, service).RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := servicetoken.OpenBundle(m.BundleFile())
	if err != nil {
		t.Fatal(err)
	}
	var b bus.Bus
	if !deaf {
		if b, err = m.Bus(bus.Client{Service: service, Instance: name, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close(context.WithoutCancel(t.Context())) })
	}
	table := level.NewTable(level.Spec{Root: slog.LevelInfo})
	a := fleet.New(fleet.Settings{Service: service, Instance: name, Epoch: fmt.Sprint(time.Now().UnixNano()), PublicAddr: "127.0.0.1:1", StartedAt: time.Now(),
		Client: fleetv1.NewFleetServiceClient(conn), Bus: b, Verify: bundle.VerifyMessage,
		Sign: m.signer(t, service).SignMessage, Effects: map[string]lease.Effect{lease.Level: fleet.LevelEffect(level.NewSources(table, fleet.Source))},
		States: table.States, Registerer: prometheus.NewRegistry(),
		Ledger: func() []logging.Class { return []logging.Class{{Name: "info", Issued: 9, Acked: 9}} }})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = a.Run(ctx) }()
	kill := sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(kill)
	stop := func() {
		if err := a.Stop(t.Context()); err != nil {
			t.Errorf("%s: goodbye: %v", name, err)
		}
		kill()
	}
	return instance{levels: table, kill: kill, stop: stop}
}

type instances struct {
	Instances []struct{ Service, Instance, State, Level, Address string }
}

func states(t *testing.T, v *viewservice.Service, token string) (all []string) {
	t.Helper()
	var out instances
	call(t, v, token, http.MethodGet, "/api/maintenance/v1/instances", "", &out)
	for _, i := range out.Instances {
		if i.Service != "view-service" {
			all = append(all, i.Instance+" "+i.State+" "+i.Level)
		}
	}
	return all
}

type receipt struct {
	Code, Detail, Summary string
	Lease                 struct {
		ID, State string
		Value     any
	}
	Revision          int64
	Applied, Expected int
	TookMS            float64 `json:"took_ms"`
	Instances         []struct {
		Service, Instance, State string
		TookMS                   float64 `json:"took_ms"`
	}
	Warnings []string
}

func set(t *testing.T, v *viewservice.Service, token, body string) (r receipt, status int) {
	t.Helper()
	status = call(t, v, token, http.MethodPost, "/api/maintenance/v1/leases", body, &r)
	return r, status
}

const leases = "/api/maintenance/v1/leases"

// listening waits until the instances acknowledge: that they are live says nothing yet of their subscriptions.
func listening(t *testing.T, v *viewservice.Service, names ...string) {
	t.Helper()
	wait.For(t, limit, fmt.Sprint(names, " to listen"), func() bool {
		r, _ := set(t, v, "operator", `{"kind":"level","logger":"nobody","value":"info","ttl":"1s","reason":"are you there"}`)
		deaf := slices.Clone(names)
		for _, i := range r.Instances {
			if i.State == "applied" {
				deaf = slices.DeleteFunc(deaf, func(n string) bool { return n == i.Instance })
			}
		}
		return len(deaf) == 0
	})
}

func TestALevelChangesOnAllInstancesAndComesBack(t *testing.T) {
	t.Parallel()
	aLevelChanges(t, newMesh(t))
}

func TestALevelChangesOverRabbitMQ(t *testing.T) {
	t.Parallel()
	m, url := newMesh(t), amqptest.New(t)
	m.Bus = func(c bus.Client) (bus.Bus, error) { return amqp.Open(url, c) }
	aLevelChanges(t, m)
}

func aLevelChanges(t *testing.T, m *mesh) {
	t.Helper()
	a, _ := m.view(t, "view-service-1")
	b, _ := m.view(t, "view-service-2")
	one, two := m.instance(t, "catalogs", "catalogs-1", false), m.instance(t, "catalogs", "catalogs-2", false)
	other := m.instance(t, "gateway", "gateway-1", false)
	wait.For(t, limit, "all to be live", func() bool {
		return slices.Equal(states(t, b, "viewer"), []string{"catalogs-1 live INFO", "catalogs-2 live INFO", "gateway-1 live INFO"})
	})
	listening(t, a, "catalogs-1", "catalogs-2", "gateway-1")

	r, status := set(t, a, "operator", `{"kind":"level","service":"catalogs","logger":"catalogs.store","value":"debug","ttl":"1m","reason":"to see"}`)
	if status != http.StatusCreated || r.Applied != 2 || r.Expected != 2 || len(r.Instances) != 2 || !strings.HasPrefix(r.Summary, "2 of 2 instances at DEBUG after ") {
		t.Fatalf("%d %+v", status, r)
	}
	first := r.Lease.ID
	t.Logf("METRIC lease_effect_ms=%.1f limit=1000", r.TookMS)
	if one.at("catalogs.store.rls") != slog.LevelDebug || two.at("catalogs.store") != slog.LevelDebug || one.at("catalogs") != slog.LevelInfo || other.at("x") != slog.LevelInfo {
		t.Error("the lease is not what is in effect")
	}
	if r, status = drop(t, b, "operator:catalogs", r.Lease.ID); status != http.StatusOK || r.Applied != 2 || r.Lease.State != "dropped" || one.at("catalogs.store") != slog.LevelInfo {
		t.Errorf("dropped by the other replica: %d %+v", status, r)
	}
	if r, status = drop(t, b, "operator", r.Lease.ID); status != http.StatusConflict {
		t.Errorf("dropped twice: %d %+v", status, r)
	}

	if r, _ = set(t, b, "operator", `{"kind":"level","value":"error","ttl":"5s","reason":"quiet"}`); r.Expected < 3 || other.at("x") != slog.LevelError {
		t.Errorf("for all: %+v", r)
	}
	wait.For(t, limit, "the lease to end by itself", func() bool { return other.at("x") == slog.LevelInfo && one.at("y") == slog.LevelInfo })
	audited(t, a, first, "lease.drop operator:catalogs", "lease.set operator")
}

// audited: the changes of one lease, newest first.
func audited(t *testing.T, v *viewservice.Service, id string, want ...string) {
	t.Helper()
	var audit struct {
		Changes []struct{ Action, Name, Subject string }
	}
	call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/audit", "", &audit)
	var got []string
	for _, c := range audit.Changes {
		if c.Subject == id {
			got = append(got, c.Action+" "+c.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("audit of the lease: %q, want %q", got, want)
	}
}

func drop(t *testing.T, v *viewservice.Service, token, id string) (r receipt, status int) {
	t.Helper()
	status = call(t, v, token, http.MethodDelete, leases+"/"+id, "", &r)
	return r, status
}

func TestWhoIsSilentStandsInTheReceiptAndLearnsByHeartbeat(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	m.instance(t, "catalogs", "catalogs-1", false)
	deaf := m.instance(t, "catalogs", "catalogs-2", true)
	wait.For(t, limit, "both to be live", func() bool { return len(states(t, v, "viewer")) == 2 })
	listening(t, v, "catalogs-1")
	r, _ := set(t, v, "operator", `{"kind":"level","service":"catalogs","value":"debug","reason":"to see"}`)
	if r.Applied != 1 || r.Expected != 2 || r.Instances[0].State != "applied" || r.Instances[1].State != "silent" {
		t.Errorf("%+v", r)
	}
	wait.For(t, limit, "the heartbeat to bring it", func() bool { return deaf.at("") == slog.LevelDebug })
}

func TestAnInstanceThatComesLaterGetsWhatHolds(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	if r, _ := set(t, v, "operator", `{"kind":"level","service":"catalogs","instance":"catalogs-7","value":"debug-4","reason":"soon"}`); r.Expected != 0 || r.Lease.Value != "DEBUG-4" {
		t.Errorf("%+v", r)
	}
	late, other := m.instance(t, "catalogs", "catalogs-7", false), m.instance(t, "catalogs", "catalogs-8", false)
	wait.For(t, limit, "it to take the lease", func() bool { return late.at("") == slog.LevelDebug-4 })
	if other.at("") != slog.LevelInfo {
		t.Error("another instance took it")
	}
	late.stop()
	if got := states(t, v, "viewer"); !slices.Contains(got, "catalogs-7 stopped DEBUG-4") {
		t.Errorf("after a clean stop: %v", got)
	}
	wait.For(t, limit, "the other to be heard", func() bool {
		return slices.ContainsFunc(states(t, v, "viewer"), func(s string) bool { return strings.HasPrefix(s, "catalogs-8 live") })
	})
	other.kill()
	wait.For(t, limit, "silence to be noticed", func() bool {
		return slices.ContainsFunc(states(t, v, "viewer"), func(s string) bool { return strings.HasPrefix(s, "catalogs-8 lost") })
	})
	var gaps struct {
		Gaps []struct{ Instance, Cause string }
	}
	call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs/gaps", "", &gaps)
	for _, g := range gaps.Gaps {
		if g.Instance == "catalogs-8" && g.Cause == "tail unknown" {
			return
		}
	}
	t.Errorf("a run that ended without a word has no gap: %+v", gaps)
}

func TestLeasesKeepToTheScope(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	m.instance(t, "catalogs", "catalogs-1", false)
	m.instance(t, "gateway", "gateway-1", false)
	wait.For(t, limit, "both to be live", func() bool { return len(states(t, v, "viewer")) == 2 })
	const mine = `{"kind":"level","service":"catalogs","value":"debug","reason":"r"}`
	r, _ := set(t, v, "operator:catalogs", mine)
	for name, c := range map[string]struct {
		token, method, path, body string
		want                      int
	}{
		"a viewer":                   {"viewer", "POST", leases, mine, 403},
		"another's service":          {"operator:gateway", "POST", leases, mine, 403},
		"all services":               {"operator:catalogs", "POST", leases, `{"kind":"level","value":"debug","reason":"r"}`, 403},
		"no reason":                  {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":" "}`, 400},
		"no level":                   {"operator", "POST", leases, `{"kind":"level","value":"loud","reason":"r"}`, 400},
		"another kind":               {"operator", "POST", leases, `{"kind":"weather","value":"debug","reason":"r"}`, 400},
		"too long":                   {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":"r","ttl":"25h"}`, 400},
		"too short":                  {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":"r","ttl":"1ms"}`, 400},
		"no duration":                {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":"r","ttl":"soon"}`, 400},
		"an instance alone":          {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":"r","instance":"x"}`, 400},
		"an unknown field":           {"operator", "POST", leases, `{"kind":"level","value":"debug","reason":"r","x":1}`, 400},
		"see another's":              {"viewer:gateway", "GET", leases + "/" + r.Lease.ID, "", 404},
		"drop another's":             {"operator:gateway", "DELETE", leases + "/" + r.Lease.ID, "", 404},
		"see one's own":              {"viewer:catalogs", "GET", leases + "/" + r.Lease.ID, "", 200},
		"drop one's own as a viewer": {"viewer:catalogs", "DELETE", leases + "/" + r.Lease.ID, "", 403},
	} {
		if got := call(t, v, c.token, c.method, c.path, c.body, nil); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := states(t, v, "viewer:gateway"); len(got) != 1 {
		t.Errorf("instances beyond the scope: %v", got)
	}
	var list struct{ Leases []struct{ ID string } }
	if call(t, v, "viewer:gateway", http.MethodGet, leases, "", &list); len(list.Leases) != 0 {
		t.Errorf("leases beyond the scope: %+v", list)
	}
	var targets []struct {
		Targets []string
		Labels  map[string]string
	}
	if call(t, v, "viewer:catalogs", http.MethodGet, "/api/maintenance/v1/targets", "", &targets); len(targets) != 1 ||
		targets[0].Labels["service"] != "catalogs" || targets[0].Labels["__metrics_path__"] != "/metrics" || len(targets[0].Targets) != 1 {
		t.Errorf("targets: %+v", targets)
	}
}

func TestNobodyReportsForAnother(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	m.view(t, "view-service-1")
	conn, err := m.as(t, "gateway").RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	for want, i := range map[codes.Code]*fleetv1.Instance{
		codes.PermissionDenied: {Service: "catalogs", Instance: "catalogs-1", Epoch: "e"},
		codes.InvalidArgument:  {Service: "gateway"},
	} {
		_, err := fleetv1.NewFleetServiceClient(conn).Sync(t.Context(), &fleetv1.SyncRequest{Instance: i})
		if status.Code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
