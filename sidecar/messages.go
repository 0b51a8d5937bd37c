package sidecar

import (
	"context"
	"os"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// tellFleet has a change of health seen at once, and not with the next heartbeat.
func (s *Sidecar) tellFleet() {
	if s.fleet != nil {
		s.fleet.Wanted()
	}
}

func (s *Sidecar) wireBus(context.Context) (err error) {
	client := bus.Client{
		Service: s.settings.Service, Instance: s.instance, Registerer: s.registry,
		TracerProvider: s.tracing.TracerProvider(), Propagator: s.tracing.Propagator(), Edges: s.edges, Logger: s.Logger("bus"),
		Flows: s.flows, Failures: s.failures,
	}
	switch {
	case s.settings.Bus != nil:
		s.bus, err = s.settings.Bus(client)
	case s.config.AMQPURL != "":
		s.bus, err = amqp.Open(s.config.AMQPURL, client)
	default:
		return nil
	}
	if err != nil {
		return &settings.Error{Variable: "SIGNALBOX_AMQP_URL", Problem: err.Error()}
	}
	s.held.add("bus", s.bus.Close)
	s.health.Add(health.Check{Name: "bus", Node: s.busNode(), Run: s.consuming})
	if s.db != nil {
		s.outbox = outbox.New(outbox.Settings{
			DB: s.db, Bus: s.bus, Registerer: s.registry, Logger: s.Logger("outbox"), Published: s.settings.Published,
		})
	}
	return nil
}

// busNode is the broker that the bus stands on; "" for one in this process.
func (s *Sidecar) busNode() string {
	if _, remote := s.bus.(*amqp.Bus); remote {
		return telemetry.NodeRabbitMQ
	}
	return ""
}

func (s *Sidecar) wireTimed(context.Context) error {
	if s.bus == nil {
		return nil
	}
	conn, err := s.mesh.RPC("scheduler")
	if err != nil {
		return err
	}
	s.timed = timed.New(timed.Settings{
		Service: s.settings.Service, Instance: s.instance, Bus: s.bus, DB: s.db, Outbox: s.outbox,
		Declare: s.declare(schedulev1.NewScheduleServiceClient(conn)), Logger: s.Logger("timed"), Registerer: s.registry,
		TracerProvider: s.tracing.TracerProvider(), Failures: s.failures, Notified: s.signer != nil,
	})
	return s.purgeEvents()
}

// purgeEvents declares <service>.event-purge, which every service with an outbox has: published events, and those that
// were handled longer ago than any redelivery takes, are dropped once a day.
func (s *Sidecar) purgeEvents() error {
	if s.outbox == nil {
		return nil
	}
	daily := timed.Schedule{Name: s.settings.Service + ".event-purge", Cron: "23 3 * * *", Deadline: 5 * time.Minute, Overlap: timed.OverlapSkip, Backoff: time.Minute}
	return s.timed.Add(daily, func(ctx context.Context, tx pg.Tx, _ timed.Fire) error { return s.outbox.PruneIn(ctx, tx) })
}

func (s *Sidecar) declare(scheduler schedulev1.ScheduleServiceClient) func(context.Context, *schedulev1.DeclareRequest) error {
	return func(ctx context.Context, r *schedulev1.DeclareRequest) error {
		_, err := scheduler.Declare(ctx, r)
		return err
	}
}

func (s *Sidecar) wireFleet(context.Context) error {
	if s.signer == nil {
		return nil // standing alone: nobody would believe who we are
	}
	conn, err := s.mesh.RPC("view-service")
	if err != nil {
		return err
	}
	hash, err := s.settingsHash()
	if err != nil {
		return err
	}
	set := fleet.Settings{
		Service: s.settings.Service, Instance: s.instance, Version: s.settings.Version, Environment: s.config.Environment,
		Epoch: s.logs.Epoch(), PID: os.Getpid(), PublicAddr: s.OpsAddr(), PrivateAddr: s.PrivateAddr(), StartedAt: s.started,
		Client: fleetv1.NewFleetServiceClient(conn), Bus: s.bus, Effects: s.effects(), Notices: s.notices(), Sign: s.signer.SignMessage, Answer: s.signer.Answer, States: s.levels.States,
		Effective: s.effective, Used: s.used, StateFile: s.leaseFile(), Sampling: s.tracing.Sampling, Suppressed: s.levels.Suppressed, SettingsHash: hash,
		Health: s.health.Report, Ledger: s.logs.Ledger, Edges: s.edges.All, Usage: telemetry.NewProcess().Usage, Logger: s.Logger("fleet"), Registerer: s.registry,
	}
	if s.bundle != nil {
		set.Verify = s.bundle.VerifyMessage
	}
	s.fleet = fleet.New(set)
	s.levels.OnSpent(s.fleet.Spent)
	s.health.Add(health.Check{Name: "fleet", Node: "view-service", Run: func(context.Context) error { return s.fleet.Progress() }})
	return nil
}
