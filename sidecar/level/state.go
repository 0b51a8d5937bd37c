package level

import (
	"cmp"
	"log/slog"
	"slices"
)

// State is what is true of one logger here.
type State struct {
	Logger     string     // "" is the root
	Configured slog.Level // by the baseline
	Leased     *slog.Level
	LeaseID    string // whose override is effective
	Effective  slog.Level
}

// States lists every logger seen, configured or overridden, sorted by name, the root first. Overrides whose budget is
// spent do not count.
func (t *Table) States() []State {
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := map[string]bool{"": true}
	collect(names, t.vars)
	collect(names, t.loggers)
	collect(names, t.overrides)
	states := make([]State, 0, len(names))
	for name := range names {
		states = append(states, t.state(name))
	}
	slices.SortFunc(states, func(a, b State) int { return cmp.Compare(a.Logger, b.Logger) })
	return states
}

func collect[V any](names map[string]bool, from map[string]V) {
	for name := range from {
		names[name] = true
	}
}

// state computes one logger's levels; t.mu is held.
func (t *Table) state(logger string) State {
	s := State{Logger: logger, Configured: t.configured(logger)}
	s.Effective = s.Configured
	if all := t.strongest(logger); len(all) > 0 {
		s.Leased, s.LeaseID, s.Effective = &all[0].Level, all[0].LeaseID, all[0].Level
	}
	return s
}
