package sidecar

import (
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
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
func (s *Sidecar) leaseOf(local *ops.Local) func(id string) (lease.Lease, bool) {
	return func(id string) (lease.Lease, bool) {
		if one, ok := local.Lease(id); ok || s.fleet == nil {
			return one, ok
		}
		return s.fleet.Lease(id)
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
