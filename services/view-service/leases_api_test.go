package viewservice_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

const api = "/api/maintenance/v1"

// sync is one report of an instance of which there is no more than that.
func (m *mesh) sync(t *testing.T, service, name string, edit ...func(*fleetv1.SyncRequest)) *fleetv1.SyncResponse {
	t.Helper()
	conn, err := m.as(t, service).RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	req := &fleetv1.SyncRequest{Instance: &fleetv1.Instance{Service: service, Instance: name, Epoch: "e1", Version: "1", PublicAddress: "127.0.0.1:1"},
		Loggers: []*fleetv1.Logger{{Configured: "INFO", Effective: "INFO"}, {Name: service + ".store", Configured: "INFO", Effective: "INFO"}}}
	for _, e := range edit {
		e(req)
	}
	res, err := fleetv1.NewFleetServiceClient(conn).Sync(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// nothing is stored: neither a lease nor a row of the audit.
func nothing(t *testing.T, v *viewservice.Service, why string) {
	t.Helper()
	var list struct{ Leases, Changes []json.RawMessage }
	call(t, v, "viewer", http.MethodGet, leases+"?ended=true", "", &list)
	call(t, v, "viewer", http.MethodGet, api+"/audit", "", &list)
	if len(list.Leases)+len(list.Changes) > 0 {
		t.Errorf("%s: %s %s", why, list.Leases, list.Changes)
	}
}

func TestWhatIsWrongWithALeaseIsNamedAndNothingStored(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	m.sync(t, "catalogs", "catalogs-1")
	const rest = `"service":"catalogs","reason":"r"`
	for body, want := range map[string]string{
		`{"kind":"level","value":"loud","ttl":"0s",` + rest + `}`:                                      "/ttl /value",
		`{"kind":"level","value":"debug","ttl":"-1m",` + rest + `}`:                                    "/ttl",
		`{"kind":"level","value":"debug","ttl":"2d",` + rest + `}`:                                     "/ttl",
		`{"kind":"level","value":"debug","ttl":"1m","keep":true,` + rest + `}`:                         "/ttl",
		`{"kind":"level","value":{"level":"debug"},` + rest + `}`:                                      "/value",
		`{"kind":"debug","value":{"user":42},` + rest + `}`:                                            "/value/user",
		`{"kind":"debug","value":{},` + rest + `}`:                                                     "/value",
		`{"kind":"debug","value":{"user":"1","trace":"xyz"},` + rest + `}`:                             "/value/trace",
		`{"kind":"debug","value":{"usr":"1"},` + rest + `}`:                                            "/value/usr",
		`{"kind":"debug","value":{"user":"` + strings.Repeat("u", 5000) + `"},` + rest + `}`:           "/value",
		`{"kind":"sampling","value":"7",` + rest + `}`:                                                 "/value/ratio",
		`{"kind":"profile","value":{"profile":"cpu","seconds":5000},` + rest + `}`:                     "/value/seconds",
		`{"kind":"window","value":"disk","reason":"r"}`:                                                "/service",
		`{"kind":"level","value":"debug","budget":{"lines":1},"logger":"a b",` + rest + `}`:            "/logger",
		`{"kind":"blackbox","value":{"share":0},"budget":{"bytes":5},` + rest + `}`:                    "/value/share /budget",
		`{"kind":"level","value":"debug","service":"catlogs","strict":true,"reason":"r"}`:              "/service",
		`{"kind":"level","value":"debug","instance":"c-9","strict":true,` + rest + `}`:                 "/instance",
		`{"kind":"level","value":"debug","logger":"nobody","strict":true,` + rest + `}`:                "/logger",
		`{"kind":"level","value":"debug","logger":"nobody","strict":true,"dry_run":true,` + rest + `}`: "/logger",
	} {
		var raw struct {
			Code   string
			Errors []map[string]any
			Fields []map[string]any
		}
		status := call(t, v, "operator", http.MethodPost, leases, body, &raw)
		var names []string
		for _, f := range append(raw.Errors, raw.Fields...) {
			names = append(names, fmt.Sprint(f["name"]))
		}
		if got := strings.Join(names, " "); status != http.StatusBadRequest || raw.Code != "invalid" || got != want {
			t.Errorf("%.90s: %d %s %q, want %q", body, status, raw.Code, got, want)
		}
	}
	nothing(t, v, "what was refused")
}

func TestADryRunSaysWhatALevelWouldAdd(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	for _, name := range []string{"catalogs-1", "catalogs-2"} {
		m.sync(t, "catalogs", name, func(r *fleetv1.SyncRequest) {
			r.Suppressed = []*fleetv1.Suppressed{{Logger: "catalogs.store", Level: -4, LinesPerSecond: 900, BytesPerSecond: 450_000}, {Logger: "catalogs.http", Level: -4, LinesPerSecond: 20, BytesPerSecond: 2000},
				{Logger: "catalogs.store", Level: -8, LinesPerSecond: 5000, BytesPerSecond: 1e6}}
		})
	}
	m.sync(t, "gateway", "gateway-1", func(r *fleetv1.SyncRequest) {
		r.Suppressed = []*fleetv1.Suppressed{{Logger: "gateway.http", Level: -4, LinesPerSecond: 1, BytesPerSecond: 100}}
	})
	type preview struct {
		Preview struct {
			LinesPerSecond float64 `json:"lines_per_second"`
			BytesPerSecond float64 `json:"bytes_per_second"`
			Instances      int
			Loggers        []struct{ Service, Logger, Level string }
		}
		Warnings []string
	}
	for body, want := range map[string]string{
		`{"kind":"level","service":"catalogs","value":"debug","dry_run":true,"reason":"r"}`:                                  "1840 lines, 904000 bytes, 2 instances, catalogs.store first",
		`{"kind":"level","service":"catalogs","instance":"catalogs-1","value":"debug-4","dry_run":true,"reason":"r"}`:        "5920 lines, 1452000 bytes, 1 instances, catalogs.store first",
		`{"kind":"level","service":"catalogs","logger":"catalogs.http","value":"debug","dry_run":true,"reason":"r"}`:         "40 lines, 4000 bytes, 2 instances, catalogs.http first, nothing matches",
		`{"kind":"level","service":"nobody","value":"debug","dry_run":true,"reason":"r"}`:                                    "0 lines, 0 bytes, 0 instances, nothing matches",
		`{"kind":"level","service":"catalogs","value":"error","dry_run":true,"reason":"r"}`:                                  "0 lines, 0 bytes, 2 instances",
		`{"kind":"window","service":"catalogs","value":"new disk","dry_run":true,"reason":"r"}`:                              "0 lines, 0 bytes, 2 instances, only what a level adds",
		`{"kind":"level","service":"catalogs","value":"debug","keep":true,"dry_run":true,"reason":"r"}`:                      "403",
		`{"kind":"level","service":"catalogs","value":"debug","budget":{"lines":100,"bytes":5},"dry_run":true,"reason":"r"}`: "1840 lines, 904000 bytes, 2 instances, catalogs.store first",
	} {
		var p preview
		status := call(t, v, "operator", http.MethodPost, leases, body, &p)
		got := fmt.Sprint(status)
		if status == http.StatusOK {
			got = fmt.Sprintf("%.0f lines, %.0f bytes, %d instances", p.Preview.LinesPerSecond, p.Preview.BytesPerSecond, p.Preview.Instances)
			if len(p.Preview.Loggers) > 0 {
				got += ", " + p.Preview.Loggers[0].Logger + " first"
			}
			for _, w := range p.Warnings {
				got += ", " + w
			}
		}
		if !strings.HasPrefix(got, want) || (len(p.Warnings) == 0) != (got == want) {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
	nothing(t, v, "a dry run")
	r, status := set(t, v, "operator", `{"kind":"level","service":"catalgs","value":"debug","reason":"r"}`)
	if status != http.StatusCreated || r.Expected != 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "no service is named") {
		t.Errorf("%d %+v", status, r)
	}
}

func TestALeaseIsKeptByAnAdminAndEndsOnce(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	one := m.instance(t, "catalogs", "catalogs-1", false)
	wait.For(t, limit, "it to be live", func() bool { return len(states(t, v, "viewer")) == 1 })
	listening(t, v, "catalogs-1")
	const body = `{"kind":"level","service":"catalogs","value":"debug","keep":true,"budget":{"lines":100000},"reason":"for good"}`
	for _, token := range []string{"operator", "operator:catalogs", "viewer", "admin:gateway"} {
		if _, status := set(t, v, token, body); status != http.StatusForbidden {
			t.Errorf("%s keeps a lease: %d", token, status)
		}
	}
	r, status := set(t, v, "admin:catalogs", body)
	if status != http.StatusCreated || r.Applied != 1 || one.at("") != slog.LevelDebug || r.Instances[0].TookMS <= 0 {
		t.Fatalf("%d %+v", status, r)
	}
	var shown struct {
		Lease struct {
			State     string
			Keep      bool
			ExpiresAt *time.Time `json:"expires_at"`
			Budget    struct{ Lines int64 }
		}
		Results []struct {
			Instance, State, Via string
			TookMS               float64 `json:"took_ms"`
		}
		Ends   []struct{ Instance, State string }
		Events []json.RawMessage
	}
	wait.For(t, limit, "the receipt to be kept", func() bool {
		call(t, v, "viewer:catalogs", http.MethodGet, leases+"/"+r.Lease.ID, "", &shown)
		return len(shown.Results) == 1 && shown.Results[0].State == "applied" && shown.Results[0].Via == "ack"
	})
	if l := shown.Lease; l.State != "active" || !l.Keep || l.ExpiresAt != nil || l.Budget.Lines != 100_000 || len(shown.Results) != 1 || shown.Results[0].State != "applied" || shown.Results[0].TookMS <= 0 {
		t.Errorf("%+v", shown)
	}
	if r, status = drop(t, v, "operator:catalogs", r.Lease.ID); status != http.StatusOK || one.at("") != slog.LevelInfo || r.Lease.State != "dropped" {
		t.Errorf("%d %+v", status, r)
	}
	if r, status = drop(t, v, "operator", r.Lease.ID); status != http.StatusConflict || !strings.Contains(r.Detail, "was dropped at ") || !strings.HasSuffix(r.Detail, " by operator:catalogs") {
		t.Errorf("%d %+v", status, r)
	}
	if r, _ = set(t, v, "operator", `{"kind":"level","service":"catalogs","value":"debug","ttl":"1s","reason":"short"}`); r.Applied != 1 {
		t.Errorf("%+v", r)
	}
	wait.For(t, limit, "it to end", func() bool { return one.at("") == slog.LevelInfo })
	wait.For(t, limit, "a conflict", func() bool {
		got, status := drop(t, v, "operator", r.Lease.ID)
		return status == http.StatusConflict && strings.Contains(got.Detail, "it expired at ")
	})
	wait.For(t, limit, "its end in the books, and at the instance", func() bool {
		call(t, v, "viewer", http.MethodGet, leases+"/"+r.Lease.ID, "", &shown)
		return shown.Lease.State == "expired" && len(shown.Ends) == 1 && shown.Ends[0].State == "applied"
	})
}

type levelRow struct {
	Service, Instance, Logger, Configured, Leased, Effective, Owner, Reason string
	LeaseID                                                                 string `json:"lease_id"`
	RemainingMS                                                             int64  `json:"remaining_ms"`
}

func TestLevelsAndDriftAreShown(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	one := m.instance(t, "catalogs", "catalogs-1", false)
	m.instance(t, "gateway", "gateway-1", false)
	one.levels.Var("catalogs.store.rls")
	wait.For(t, limit, "both to be live", func() bool { return len(states(t, v, "viewer")) == 2 })
	listening(t, v, "catalogs-1", "gateway-1")
	r, _ := set(t, v, "operator", `{"kind":"level","service":"catalogs","logger":"catalogs.store","value":"debug","reason":"slow"}`)
	var out struct{ Levels []levelRow }
	wait.For(t, limit, "the levels to be reported", func() bool {
		call(t, v, "viewer:catalogs", http.MethodGet, api+"/levels?service=catalogs&logger=catalogs.store", "", &out)
		return slices.ContainsFunc(out.Levels, func(l levelRow) bool {
			return l.Logger == "catalogs.store.rls" && l.Configured == "INFO" && l.Leased == "DEBUG" && l.Effective == "DEBUG" && l.LeaseID == r.Lease.ID &&
				l.Owner == "operator" && l.Reason == "slow" && l.RemainingMS > 0
		})
	})
	for _, l := range out.Levels {
		if !strings.HasPrefix(l.Logger, "catalogs.store") || l.Service != "catalogs" {
			t.Errorf("%+v", l)
		}
	}
	if call(t, v, "viewer:gateway", http.MethodGet, api+"/levels?service=catalogs", "", &out); len(out.Levels) != 0 {
		t.Errorf("beyond the scope: %+v", out)
	}
	type drifting struct {
		Instances []struct {
			Instance string
			Drift    []struct {
				What, Want, Have string
				Since            time.Time
			}
		}
	}
	drift := func() (all []string) {
		var out drifting
		call(t, v, "viewer", http.MethodGet, api+"/instances", "", &out)
		for _, i := range out.Instances {
			for _, d := range i.Drift {
				if i.Instance != "view-service-1" && time.Since(d.Since) < time.Minute {
					all = append(all, strings.Join([]string{i.Instance, d.What, d.Want, d.Have}, " "))
				}
			}
		}
		return all
	}
	if got := drift(); got != nil {
		t.Errorf("with a lease: %q", got)
	}
	at := func(effective string) func(*fleetv1.SyncRequest) {
		return func(q *fleetv1.SyncRequest) {
			q.Revision = r.Revision // the last that there was
			q.Loggers = []*fleetv1.Logger{{Configured: "INFO", Effective: effective}, {Name: "catalogs.store", Configured: "INFO", Leased: "DEBUG", Effective: "DEBUG", LeaseId: r.Lease.ID}}
		}
	}
	m.sync(t, "catalogs", "catalogs-2", at("ERROR")) // somebody has changed it there
	m.sync(t, "catalogs", "catalogs-3", at("INFO"), func(q *fleetv1.SyncRequest) {
		q.Loggers = append(q.Loggers, &fleetv1.Logger{Name: "catalogs.x", Configured: "INFO", Leased: "INFO", Effective: "INFO", LeaseId: "local-7"})
		q.Events = []*fleetv1.LeaseEvent{{Id: uuid.NewString(), LeaseId: "local-7", What: "local_set", At: timestamppb.Now(), Detail: "pager", Actor: "root"}}
	})
	if call(t, v, "viewer", http.MethodGet, api+"/levels?instance=catalogs-3&logger=catalogs.x", "", &out); len(out.Levels) != 1 || out.Levels[0].Owner != "root" || out.Levels[0].Reason != "pager" {
		t.Errorf("a change on the instance itself: %+v", out.Levels)
	}
	if got := drift(); !slices.Equal(got, []string{"catalogs-2 level INFO ERROR"}) {
		t.Errorf("drift: %q", got)
	}
	measured(t, v, `signalbox_drift_instances{service="catalogs"} 1`, `signalbox_drift_instances{service="gateway"} 0`, `signalbox_lease_active{kind="level"} 1`,
		`signalbox_lease_active{kind="window"} 0`, `signalbox_lease_changes_total{action="lease.set",kind="level"}`)
	m.sync(t, "catalogs", "catalogs-2", at("INFO"))
	if got := drift(); got != nil {
		t.Errorf("after the repair: %q", got)
	}
	drop(t, v, "operator", r.Lease.ID)
	measured(t, v, `signalbox_drift_instances{service="catalogs"} 0`, `signalbox_lease_active{kind="level"} 0`)
}

// Whoever looks may not change, and whoever changes one service may not change another.
func TestAViewerLooksAndDoesNotChange(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	m.sync(t, "catalogs", "catalogs-1")
	m.sync(t, "gateway", "gateway-1")
	r, _ := set(t, v, "operator", `{"kind":"window","service":"gateway","value":{"message":"new certificate"},"ttl":"1m","reason":"r"}`)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "all the same is answered") {
		t.Errorf("a window for the gateway: %+v", r)
	}
	const body = `{"kind":"level","service":"gateway","value":"debug","reason":"r"%s}`
	for _, token := range []string{"viewer", "viewer:gateway", "operator:catalogs", "builder", "sender"} {
		for what, status := range map[string]int{
			"set":     call(t, v, token, http.MethodPost, leases, fmt.Sprintf(body, ""), nil),
			"dry run": call(t, v, token, http.MethodPost, leases, fmt.Sprintf(body, `,"dry_run":true`), nil),
		} {
			if status != http.StatusForbidden {
				t.Errorf("%s by %s: %d", what, token, status)
			}
		}
		if status := call(t, v, token, http.MethodDelete, leases+"/"+r.Lease.ID, "", nil); status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("drop by %s: %d", token, status)
		}
	}
	for _, path := range []string{"/leases", "/leases/" + r.Lease.ID, "/levels", "/audit", "/annotations", "/instances"} {
		for token, want := range map[string]int{"viewer": 200, "operator:gateway": 200, "builder": 403, "sender": 403} {
			if status := call(t, v, token, http.MethodGet, api+path, "", nil); status != want {
				t.Errorf("%s by %s: %d, want %d", path, token, status, want)
			}
		}
	}
	var list struct{ Leases []struct{ State string } }
	if call(t, v, "viewer", http.MethodGet, leases+"?kind=window&service=gateway", "", &list); len(list.Leases) != 1 || list.Leases[0].State != "active" {
		t.Errorf("the window is gone: %+v", list)
	}
}
