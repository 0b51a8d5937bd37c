package maintenance

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// wireLeases makes what sets and ends leases. Their events go out by an outbox in the schema that the leases are in.
func (m *Maintenance) wireLeases() {
	s := m.settings
	if s.Bus != nil {
		// The host's outbox has the metrics of this name; what waits in this one is counted with the leases.
		m.outbox = outbox.New(outbox.Settings{DB: s.DB, Bus: s.Bus, Logger: s.Logger, Source: "/" + s.Service, Patience: newsAfter})
		m.store.Publish(m.outbox)
	}
	m.announce = lease.NewAnnouncer(lease.AnnouncerSettings{Bus: s.Bus, Signer: s.Signer, Service: s.Service, Instance: s.Instance,
		Verify: s.Verify, Asker: s.Asker, Late: m.late, Logger: s.Logger, Registerer: s.Registerer})
	m.leases = lease.New(lease.Settings{Config: lease.Config{TTL: s.Config.LeaseTTL, MaxTTL: s.Config.LeaseMaxTTL, Wait: ackWait},
		Store: m.store, Announcer: m.announce, Known: s.Services, Logger: s.Logger, Registerer: s.Registerer})
	s.Registerer.MustRegister(newStanding(m.store, s.Service))
}

// newsAfter is how long the news of a change waits for the change itself to reach the instances.
const newsAfter = 50 * time.Millisecond

func (m *Maintenance) late(ctx context.Context, leaseID string, revision int64, o lease.Outcome) {
	m.leases.Late(ctx, leaseID, revision, o)
}

// Acks is where instances acknowledge changes; the host subscribes it.
func (m *Maintenance) Acks() bus.Subscription { return m.announce.Acks() }

// Relay publishes the events of leases until ctx ends; the host runs it where there is a bus.
func (m *Maintenance) Relay(ctx context.Context) error { return m.outbox.Run(ctx) }

// Leasing is the timed event that notes which leases are over. The instances have ended them by their own clocks, and
// most are noted by the next Sync: this is for a mesh in which nothing syncs.
func Leasing() timed.Schedule {
	return timed.Schedule{Name: "maintenance.leases", Every: time.Minute, Misfire: timed.MisfireOnce, Window: time.Hour, Deadline: time.Minute,
		Overlap: timed.OverlapSkip, Attempts: 3}
}

// EndLeases handles the event, and forgets what ended long ago. Doing it twice does nothing more, so it needs no
// transaction of the host's.
func (m *Maintenance) EndLeases(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
	if err := m.leases.Expire(ctx); err != nil {
		return err
	}
	if err := errors.Join(m.store.ForgetLeases(ctx), m.store.ForgetPlans(ctx)); err != nil || m.outbox == nil {
		return err
	}
	return m.outbox.Prune(ctx)
}
