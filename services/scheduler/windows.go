package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// windows is the queue of what becomes of leases; those of maintenance windows are kept.
const windows = service + ".windows"

// The events are view-service's.
const (
	leaseSet   = "view-service.lease.set"
	leaseEnded = "view-service.lease.ended"
)

func takeWindows(sc *sidecar.Sidecar, store *postgres.Store) bus.Subscription {
	return bus.Subscription{Queue: windows, Exchange: bus.Events, Keys: []string{leaseSet, leaseEnded}, Prefetch: 10,
		Handler: outbox.Handle(sc.DB(), windows, keepWindow(store))}
}

// keepWindow takes one event of a lease. A window of a single instance is no reason to hold the schedules of its service.
func keepWindow(store *postgres.Store) func(context.Context, pg.Tx, bus.Delivery) error {
	return func(ctx context.Context, tx pg.Tx, d bus.Delivery) error {
		var l struct {
			ID        string     `json:"id"`
			Revision  int64      `json:"revision"`
			Kind      string     `json:"kind"`
			Service   string     `json:"service"`
			Instance  string     `json:"instance"`
			Owner     string     `json:"owner"`
			ExpiresAt time.Time  `json:"expires_at"`
			EndedAt   *time.Time `json:"ended_at"`
		}
		if err := json.Unmarshal(d.Data, &l); err != nil {
			return bus.Park(fmt.Errorf("event %s is no lease: %w", d.ID, err))
		}
		if l.Kind != lease.Window || l.Instance != "" {
			return nil
		}
		w := postgres.Window{ID: l.ID, Revision: l.Revision, Service: l.Service, From: d.Time, Until: l.ExpiresAt, By: l.Owner}
		if strings.HasSuffix(d.Key, ".set") {
			return store.OpenWindow(ctx, tx, w)
		}
		if w.Until = d.Time; l.EndedAt != nil {
			w.Until = *l.EndedAt
		}
		return store.EndWindow(ctx, tx, w)
	}
}
