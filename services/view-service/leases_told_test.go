package viewservice_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

// measured waits until the replica's metrics hold the lines.
func measured(t *testing.T, v *viewservice.Service, lines ...string) {
	t.Helper()
	for _, line := range lines {
		wait.For(t, limit, line, func() bool {
			resp, err := client().Get("http://" + v.PublicAddr() + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close() //nolint:errcheck // a test's answer
			raw, err := io.ReadAll(resp.Body)
			return err == nil && strings.Contains(string(raw), "\n"+line)
		})
	}
}

func TestEachChangeIsToldEverywhere(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	listener, err := m.Bus(bus.Client{Service: "gateway", Instance: "gateway-9", Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close(context.WithoutCancel(t.Context())) })
	told := make(chan string, 100)
	hears := bus.Subscription{Queue: "gateway.leases", Exchange: bus.Events, Keys: []string{"view-service.lease.*"}, Handler: func(_ context.Context, d bus.Delivery) error {
		told <- d.Type + " " + d.Subject
		return nil
	}}
	if _, err := listener.Subscribe(t.Context(), hears); err != nil {
		t.Fatal(err)
	}
	m.sync(t, "catalogs", "catalogs-1")
	start := time.Now()
	r, _ := set(t, v, "operator:catalogs", `{"kind":"level","service":"catalogs","value":"debug","ttl":"5s","budget":{"lines":5},"reason":"slow lists"}`)
	id := r.Lease.ID
	local := &fleetv1.LeaseEvent{Id: uuid.NewString(), LeaseId: "local-1", What: "local_set", At: timestamppb.Now(), Detail: "level of root for 5m: pager", Before: "INFO", After: "DEBUG", Actor: "root"}
	spent := &fleetv1.LeaseEvent{Id: uuid.NewString(), LeaseId: id, What: "spent", At: timestamppb.Now(), After: "INFO"}
	wait.For(t, limit, "the lease to be over", func() bool {
		res := m.sync(t, "catalogs", "catalogs-1", func(q *fleetv1.SyncRequest) { q.Events = []*fleetv1.LeaseEvent{local, spent} })
		return len(res.GetLeases()) == 0
	})
	var audit struct {
		Changes []struct {
			ID                    int64
			Action, Name, Service string
			Before, After         struct{ Value string }
			Results               []struct{ Instance, State string }
		}
		Next int64
	}
	all := func(query string) string {
		t.Helper()
		var got []string
		call(t, v, "viewer:catalogs", http.MethodGet, api+"/audit?"+query, "", &audit)
		for _, c := range audit.Changes {
			got = append(got, fmt.Sprintf("%s %s %s>%s", c.Action, c.Name, c.Before.Value, c.After.Value))
		}
		return strings.Join(got, "; ")
	}
	wait.For(t, limit, "the end in the audit", func() bool { return strings.HasPrefix(all(""), "lease.expire") })
	want := "lease.expire expiry DEBUG>configured; lease.spent catalogs-1 DEBUG>INFO; level.local root INFO>DEBUG; lease.set operator:catalogs configured>DEBUG"
	if got := all(""); got != want {
		t.Errorf("the audit is %q, want %q", got, want)
	}
	if got := all("limit=2&action=lease.set&subject=" + id); got != "lease.set operator:catalogs configured>DEBUG" || len(audit.Changes[0].Results) != 1 {
		t.Errorf("filtered: %q", got)
	}
	all("limit=3")
	if got := all(fmt.Sprintf("limit=3&before=%d", audit.Next)); !strings.HasPrefix(got, "lease.set") {
		t.Errorf("the next page: %q", got)
	}
	if got := all("since=" + url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339))); got != "" {
		t.Errorf("of the future: %q", got)
	}
	if status := call(t, v, "viewer", http.MethodGet, api+"/audit?since=soon", "", nil); status != http.StatusBadRequest {
		t.Errorf("since soon: %d", status)
	}
	for _, what := range []string{"view-service.lease.set ", "view-service.lease.ended "} {
		select {
		case got := <-told:
			if got != what+id {
				t.Errorf("the bus says %s, want %s", got, what+id)
			}
		case <-time.After(limit):
			t.Fatalf("the bus never says %s", what)
		}
	}
	annotated(t, v, start)
	measured(t, v, `signalbox_lease_changes_total{action="lease.expire",kind="level"} 1`, `signalbox_lease_changes_total{action="lease.spent",kind="level"} 1`,
		`signalbox_lease_changes_total{action="level.local",kind="level"} 1`, `signalbox_lease_events_waiting 0`)
}

// annotated: Grafana sees the lease with its length, and the other changes.
func annotated(t *testing.T, v *viewservice.Service, start time.Time) {
	t.Helper()
	var all []struct {
		Time, TimeEnd int64
		Title, Text   string
		Tags          []string
	}
	span := fmt.Sprintf("from=%d&to=%d", start.UnixMilli(), time.Now().Add(time.Minute).UnixMilli())
	if call(t, v, "viewer", http.MethodGet, api+"/annotations?"+span, "", &all); len(all) != 3 {
		t.Fatalf("annotations %+v", all)
	}
	if a := all[0]; a.Title != "level DEBUG on catalogs" || a.Text != "slow lists (operator:catalogs)" || a.TimeEnd-a.Time < 4900 || a.TimeEnd-a.Time > 5100 ||
		!slices.Equal(a.Tags, []string{"lease", "level", "expired", "service:catalogs"}) {
		t.Errorf("%+v", a)
	}
	for query, want := range map[string]int{"&tags=level": 1, "&tags=audit,service:catalogs": 2, "&tags=nothing": 0} {
		if call(t, v, "viewer", http.MethodGet, api+"/annotations?"+span+query, "", &all); len(all) != want {
			t.Errorf("%s: %+v", query, all)
		}
	}
	if call(t, v, "viewer:gateway", http.MethodGet, api+"/annotations", "", &all); len(all) != 0 {
		t.Errorf("beyond the scope: %+v", all)
	}
	if status := call(t, v, "viewer", http.MethodGet, api+"/annotations?from=-5", "", nil); status != http.StatusBadRequest {
		t.Errorf("from -5: %d", status)
	}
}
