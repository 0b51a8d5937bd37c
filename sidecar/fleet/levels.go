package fleet

import (
	"fmt"
	"log/slog"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// Source is the agent's name among the sources of overrides.
const Source = "fleet"

// Levels take the overrides of one source among several; level.Sources does.
type Levels interface {
	Set(source string, all []level.Override)
}

// LevelEffect makes leases of the kind "level" the overrides of the source named Source.
func LevelEffect(levels Levels) lease.Effect { return levelEffect{levels} }

type levelEffect struct{ levels Levels }

// Apply implements lease.Effect.
func (e levelEffect) Apply(all []lease.Lease) map[string]error {
	refused := map[string]error{}
	overrides := make([]level.Override, 0, len(all))
	for _, one := range all {
		var l slog.Level
		if l.UnmarshalText([]byte(one.Value)) != nil {
			refused[one.ID] = fmt.Errorf("%.40q is no level", one.Value)
			continue
		}
		overrides = append(overrides, level.Override{LeaseID: one.ID, Logger: one.Logger, Level: l, Lines: one.Lines, Bytes: one.Bytes,
			UsedLines: one.Used.Lines, UsedBytes: one.Used.Bytes})
	}
	e.levels.Set(Source, overrides)
	return refused
}
