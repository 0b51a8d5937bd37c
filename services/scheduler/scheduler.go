// Package scheduler is the platform's clock: services declare schedules, the elected leader writes due times
// into the fire ledger and publishes them, receipts come back.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/declare"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/leader"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const service = "scheduler"

// Service is the scheduler with its sidecar.
type Service struct {
	*sidecar.Sidecar
	leader *leader.Leader
	rest   *httpapi.API
}

// Run serves until ctx ends. Long polls end first, or the listener would wait for them.
func (s *Service) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, s.rest.Close)()
	return s.Sidecar.Run(ctx)
}

// Stop ends the long polls and stops the sidecar.
func (s *Service) Stop(ctx context.Context) error {
	s.rest.Close()
	return s.Sidecar.Stop(ctx)
}

// Leading is the epoch of the term that this replica leads, or 0.
func (s *Service) Leading() int64 { return s.leader.Leading() }

// New wires the scheduler and binds its listeners. s brings what the program shares (bus, peers, stderr); name,
// schema and migrations are the scheduler's own.
func New(ctx context.Context, c Config, s sidecar.Settings) (*Service, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var store *postgres.Store // made below, before anything is published
	s.Service, s.Schema = service, service
	s.Migrations = []pg.Migrations{postgres.Migrations()}
	hurry := &rush{}
	s.Published = func(ctx context.Context, tx pg.Tx, all []outbox.Outcome) error {
		err := store.Published(ctx, tx, all)
		if err == nil {
			hurry.published(all)
		}
		return err
	}
	s.Whole = c
	sc, err := sidecar.New(ctx, c.Config, s)
	if err != nil {
		return nil, err
	}
	if sc.Outbox() == nil {
		_ = sc.Stop(ctx)
		return nil, bad("AMQP_URL", "is not set; the scheduler fires over the bus and needs one")
	}
	store = postgres.New(sc.DB(), sc.Outbox(), sc.Instance())
	lead, rest, err := wire(sc, store, hurry, c)
	if err != nil {
		_ = sc.Stop(ctx)
		return nil, err
	}
	return &Service{Sidecar: sc, leader: lead, rest: rest}, nil
}

func wire(sc *sidecar.Sidecar, store *postgres.Store, hurry *rush, c Config) (*leader.Leader, *httpapi.API, error) {
	plan := newAnnouncer(store, sc.Logger("plan"))
	sc.Go("plan", plan.run)
	sc.Subscribe(bus.Subscription{Queue: service + ".plan", Exchange: bus.Events, Keys: []string{planWanted}, Handler: plan.hear})
	lead := leader.New(leader.Settings{Campaign: campaign(store, sc.Instance(), hurry, plan.want), Relieve: store.Relieve, Ready: ready(sc.Bus()), Logger: sc.Logger("leader"), Registerer: sc.Registry()})
	store.Missed = lead.Missed
	sc.Go("leader", lead.Run)
	// Who leads is asked of PostgreSQL: without it that is no second cause. While that is well, it is the scheduler's own trouble.
	sc.Health().Add(health.Check{Name: "planner", Node: telemetry.NodePostgres, Weight: health.Degrades, Run: lead.Check})
	hooks, err := newHooks(sc, store, c)
	if err != nil {
		return nil, nil, err
	}
	taken := newSettler(sc, store, lead, hurry)
	rest := httpapi.Mount(sc.API(), httpapi.Settings{Schedules: store, Edits: store, Operations: store, Ledger: store, Offers: store,
		Settled: taken.count, AllowURL: hooks.allow, Keys: hooks.keys, Logger: sc.Logger("audit")})
	sc.Subscribe(taken.subscription())
	sc.Subscribe(takeWindows(sc, store))
	err = sc.RPC().Register(&schedulev1.ScheduleService_ServiceDesc, declare.New(store, access.Caller, sc.Logger("declare")),
		map[string]rpc.Callers{"Declare": rpc.AnyService()})
	if err != nil {
		return nil, nil, fmt.Errorf("register the schedule contract: %w", err)
	}
	retention := timed.Schedule{Name: "scheduler.retention", Cron: "41 3 * * *", Deadline: 5 * time.Minute, Overlap: timed.OverlapSkip, Backoff: time.Minute}
	if err := sc.Timed(retention, forget(store, c.Retention)); err != nil {
		return nil, nil, err
	}
	return lead, rest, nil
}

// ready reports whether the bus takes publications; whether it also delivers is no matter of planning.
func ready(b bus.Bus) func() bool {
	return func() bool {
		err := b.Ready()
		return err == nil || errors.Is(err, bus.ErrNotConsuming)
	}
}

// campaign keeps a nil *postgres.Term from becoming a leader.Term that is not nil. began is told of each one that is won.
func campaign(store *postgres.Store, instance string, hurry *rush, began func()) leader.Campaign {
	return func(ctx context.Context) (leader.Term, error) {
		term, err := store.Campaign(ctx, instance)
		if term == nil {
			return nil, err
		}
		began()
		return hurried{term, hurry}, nil
	}
}
