// Package viewservice is the service in which people look at the mesh and change it: it hosts maintenance
// (log store, fleet, leases, audit), and keeps users' saved views.
//
// It is a service like the others: its own lines go through its own spool to its own receiver. While the log
// store is away the receiver refuses and the spool waits, as everywhere.
package viewservice

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-mesh/signalbox/maintenance"
	"github.com/signalbox-mesh/signalbox/services/view-service/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/services/view-service/internal/postgres"
	"github.com/signalbox-mesh/signalbox/services/view-service/internal/senders"
	"github.com/signalbox-mesh/signalbox/services/view-service/internal/view"
	"github.com/signalbox-mesh/signalbox/sidecar"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

const service = "view-service"

// Service is view-service with its sidecar.
type Service struct {
	*sidecar.Sidecar
	maintenance *maintenance.Maintenance
}

// New wires view-service and binds its listeners. s brings what the program shares (bus, peers, stderr, a
// verifier in tests); name, schema and migrations are view-service's own.
func New(ctx context.Context, c Config, s sidecar.Settings) (*Service, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s.Service, s.Schema, s.Migrations = service, "view_service", []pg.Migrations{postgres.Migrations()}
	s.Whole = c
	sc, err := sidecar.New(ctx, c.Config, s)
	if err != nil {
		return nil, err
	}
	v := &Service{Sidecar: sc}
	if err := v.wire(c); err != nil {
		return nil, errors.Join(err, sc.Stop(context.WithoutCancel(ctx)))
	}
	return v, nil
}

func (v *Service) wire(c Config) (err error) {
	if v.Signer() == nil {
		return &settings.Error{Variable: settings.Variable(service, "KEY_FILE"), Problem: "is not set; the changes that view-service announces are signed, set it to its Ed25519 key (PEM, PKCS #8)"}
	}
	db, err := v.OpenDB(c.LogsURL, c.LogsOwnerURL, maintenance.Schema, maintenance.Migrations()...)
	if err != nil {
		return err
	}
	revoked := senders.New(v.revokedSenders)
	v.Health().Add(health.Check{Name: "sender-revocations", Node: "identity", Interval: senders.Every, Timeout: senders.Within, Run: revoked.Refresh})
	asker, err := v.asker()
	if err != nil {
		return err
	}
	v.maintenance, err = maintenance.New(maintenance.Settings{
		Config: c.Maintenance, Service: service, Instance: v.Instance(), DB: db, Bus: v.Bus(), Signer: v.Signer(), Verify: v.verify(), Asker: asker,
		API: v.API(), RPC: v.RPC(), Verifier: v.Verifier(), Revoked: revoked.Has, Services: v.services, Logger: v.Logger("maintenance"), Registerer: v.Registry(),
	})
	if err != nil {
		return fmt.Errorf("wire maintenance: %w", err)
	}
	httpapi.Register(v.API(), view.New(postgres.New(v.DB()), maintenance.CheckQuery))
	v.Go("maintenance", v.maintenance.Run)
	v.Go("profiles", v.maintenance.CountProfiles)
	if v.Bus() == nil {
		return nil // no leases at once and no timed events; heartbeats carry the leases
	}
	v.Subscribe(v.maintenance.Acks())
	v.Subscribe(v.maintenance.Plan())
	v.Go("lease events", v.maintenance.Relay)
	v.Go("plan", v.maintenance.AskForPlan)
	if err := v.Timed(maintenance.Leasing(), v.maintenance.EndLeases); err != nil {
		return err
	}
	if err := v.Timed(maintenance.Sealing(), v.maintenance.Seal); err != nil {
		return err
	}
	if err := v.Timed(maintenance.ProfileRetention(), v.maintenance.RetainProfiles); err != nil {
		return err
	}
	return v.Timed(maintenance.Retention(), v.maintenance.Retain)
}

// services of the mesh are those that have a key.
func (v *Service) services() []string {
	if b := v.Bundle(); b != nil {
		return b.Services()
	}
	return nil
}

// revokedSenders asks identity.
func (v *Service) revokedSenders(ctx context.Context) ([]string, error) {
	conn, err := v.Mesh().RPC("identity")
	if err != nil {
		return nil, err
	}
	answer, err := identityv1.NewIdentityServiceClient(conn).RevokedSenders(ctx, &identityv1.RevokedSendersRequest{})
	return answer.GetSubjects(), err
}

// verify checks what another service has signed; nil without a trust bundle.
func (v *Service) verify() func(token, signer string) ([]byte, error) {
	if b := v.Bundle(); b != nil {
		return b.VerifyMessage
	}
	return nil
}

// asker is who instances answer to; nil without a trust bundle.
func (v *Service) asker() (maintenance.Asker, error) {
	if v.Bundle() == nil {
		return nil, nil
	}
	return servicetoken.NewAsker(v.Bundle())
}

// Run serves until ctx ends. Open tails end first, or the listener would wait for them.
func (v *Service) Run(ctx context.Context) error {
	defer context.AfterFunc(ctx, v.maintenance.Close)()
	return v.Sidecar.Run(ctx)
}

// Stop ends the open tails and stops the sidecar.
func (v *Service) Stop(ctx context.Context) error {
	v.maintenance.Close()
	return v.Sidecar.Stop(ctx)
}
