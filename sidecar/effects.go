package sidecar

import (
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// used is what each lease with a budget has let through.
func (s *Sidecar) used() map[string]lease.Use {
	all := map[string]lease.Use{}
	note := func(id string, lines, bytes int64) { all[id] = lease.Use{Lines: lines, Bytes: bytes} }
	s.levels.Used(note)
	s.flows.Used(note)
	return all
}

// effects are what each kind of lease does here: a line a kind. One that is not listed is refused.
func (s *Sidecar) effects() map[string]lease.Effect {
	return map[string]lease.Effect{
		lease.Level:    fleet.LevelEffect(s.sources),
		lease.Debug:    s.flows,
		lease.BlackBox: blackBox{s.logs.BlackBox(), s.boxBase},
		lease.Sampling: s.tracing.Effect(),
		lease.Profile:  s.profiles,
		lease.Window:   s.health.Windows(),
		lease.Policy:   s.mesh.Policies(),
		lease.Fault:    s.mesh.Faults(),
	}
}
