package maintenance

import (
	"context"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// The plan counts as told when it is stored: as long as it is not, the scheduler is asked again.
func TestThePlanIsToldWhenItIsStored(t *testing.T) {
	t.Parallel()
	m := fresh(t, DefaultConfig())
	told := func() bool {
		select {
		case <-m.watch.heard:
			return true
		default:
			return false
		}
	}
	announced := bus.Delivery{Event: bus.Event{Type: planAnnounced, Data: []byte(`{"schedules":[{"name":"billing.close","service":"billing",
		"every_seconds":60,"revision":1,"settled_to":"2026-11-21T12:00:00Z"}]}`)}}
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.watch.hear(late, announced); err == nil || told() {
		t.Errorf("%v, told: %v", err, told())
	}
	for range 2 {
		if err := m.watch.hear(t.Context(), announced); err != nil || !told() {
			t.Errorf("%v, told: %v", err, told())
		}
	}
	if n := count(t, m, `SELECT count(*) FROM plans`); n != 1 {
		t.Errorf("%d plans", n)
	}
}
