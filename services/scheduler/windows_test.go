package scheduler_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// A maintenance window, as view-service tells of it, reaches the plan, and so does its early end. One of another service,
// of one instance, or a lease of another kind holds nothing.
func TestMaintenanceWindowsOfLeases(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	var b bus.Bus
	m.billing(t, func(sc *sidecar.Sidecar) {
		b = sc.Bus()
		if err := sc.Timed(timed.Schedule{Name: "billing.tick", Every: time.Second, InWindow: timed.InWindowSkip}, effect); err != nil {
			t.Error(err)
		}
	})
	tell := func(what, id string, lease map[string]any) {
		t.Helper()
		lease["id"] = id
		data, err := json.Marshal(lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Publish(t.Context(), bus.Publication{Exchange: bus.Events, Key: what, Event: bus.Event{Type: what, Subject: id, Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	addr, until := s.PublicAddr(), time.Now().Add(time.Hour)
	eventually(t, addr, "/fires?schedule=billing.tick&state=done", "a done fire", func(f api.Fires) bool { return len(f.Items) > 0 })
	tell("view-service.lease.set", "w1", map[string]any{"revision": 1, "kind": "window", "service": "catalogs", "expires_at": until})
	tell("view-service.lease.set", "w2", map[string]any{"revision": 2, "kind": "window", "service": "billing", "instance": "billing-1", "expires_at": until})
	tell("view-service.lease.set", "w3", map[string]any{"revision": 3, "kind": "level", "service": "billing", "expires_at": until})
	tell("view-service.lease.set", "w4", map[string]any{"revision": 4, "kind": "window", "service": "billing", "owner": "ann", "expires_at": until})
	skipped := eventually(t, addr, "/fires?schedule=billing.tick&state=skipped", "a due time in the window", func(f api.Fires) bool { return len(f.Items) > 1 })
	if f := skipped.Items[0]; f.Reason != api.ReasonWindow || f.CauseFrom == nil || f.CauseTo == nil || f.CauseTo.Sub(until).Abs() > time.Second {
		t.Errorf("%+v", f)
	}
	at := time.Now()
	tell("view-service.lease.ended", "w4", map[string]any{"revision": 4, "kind": "window", "service": "billing", "ended": "dropped", "ended_at": at, "expires_at": until})
	eventually(t, addr, "/fires?schedule=billing.tick&state=done&limit=1", "a fire after the window", func(f api.Fires) bool {
		return len(f.Items) == 1 && f.Items[0].Due.After(at)
	})
}
