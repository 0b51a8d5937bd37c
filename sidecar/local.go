package sidecar

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/ops"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// leaseFile is where the leases of this instance outlive its process; empty without a folder for it.
func (s *Sidecar) leaseFile() string {
	if s.config.StateDir == "" {
		return ""
	}
	return filepath.Join(s.config.StateDir, "leases", s.settings.Service, s.instance+".json")
}

// effective is the level of a logger as it is now.
func (s *Sidecar) effective(logger string) slog.Level { return s.levels.State(logger).Effective }

// noteLocal has view-service write down what was changed here alone, once it is heard.
func (s *Sidecar) noteLocal(c ops.Change) {
	if s.fleet == nil {
		return
	}
	e := fleet.Event{LeaseID: c.ID, What: fleet.LocalReset, Before: c.Before.String(), After: c.After.String(), Actor: c.Actor}
	e.Detail = fmt.Sprintf("level of %s: %s", c.Logger, c.Reason)
	if c.TTL > 0 {
		e.What = fleet.LocalSet
		e.Detail = fmt.Sprintf("level of %s for %s: %s", c.Logger, c.TTL, c.Reason)
	}
	s.fleet.Note(e)
}

// leaseOf finds whose override is in effect: one made here, or the fleet's.
func (s *Sidecar) leaseOf(id string) (lease.Lease, bool) {
	if one, ok := s.local.Lease(id); ok || s.fleet == nil {
		return one, ok
	}
	return s.fleet.Lease(id)
}

// verboseFor is how long Verbose lasts.
const verboseFor = 15 * time.Minute

// Verbose puts all loggers of this instance at DEBUG for a quarter of an hour, and Quiet ends that: what a signal to the
// process does. by is who, for the audit.
func (s *Sidecar) Verbose(by string) {
	o := s.local.OverrideLocal(ops.Wanted{Level: slog.LevelDebug, TTL: verboseFor, Reason: "by a signal to the process", Actor: by})
	logging.Audit(context.Background(), s.Logger("audit"), "local level change", slog.String("target", o.Logger), slog.String("level", o.Level.String()),
		slog.Duration("ttl", verboseFor), slog.String("reason", by), slog.String("lease_id", o.ID))
}

// Quiet ends Verbose, or any other change of the root that was made here.
func (s *Sidecar) Quiet(by string) {
	if id, ok := s.local.ResetLocal("", by); ok {
		logging.Audit(context.Background(), s.Logger("audit"), "local level change ended", slog.String("target", ops.Root), slog.String("lease_id", id), slog.String("reason", by))
	}
}

// settingsHash tells whether two instances of this service have the same settings. Only who has the service's key can
// find out by it what a secret is not.
func (s *Sidecar) settingsHash() (string, error) {
	key, err := s.signer.SignMessage([]byte("the key of the hash of the settings")) // Ed25519 signs the same way each time
	if err != nil {
		return "", err
	}
	if s.settings.Whole != nil {
		return settings.Hash([]byte(key), s.settings.Whole)
	}
	return settings.Hash([]byte(key), s.config)
}
