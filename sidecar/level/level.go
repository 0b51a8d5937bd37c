// Package level holds the log levels of one process part: a configured baseline by logger name, and
// overrides (leases) on top. Names inherit by dots: catalogs.store.rls takes catalogs.store's level.
package level

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Override is one lease's effect on this instance. Logger "" is the root: every logger.
type Override struct {
	LeaseID string
	Logger  string
	Level   slog.Level
}

// State is what is true of one logger here.
type State struct {
	Logger     string     // "" is the root
	Configured slog.Level // by the baseline
	Leased     *slog.Level
	LeaseID    string // whose override is effective
	Effective  slog.Level
}

// Table is safe for concurrent use. Reads (Var.Enabled) are lock-free, 0 allocations.
//
// An override beats the baseline however specific the baseline's entry is: somebody who asks for
// DEBUG on the root means every logger. Among overrides, and within the baseline, the most specific
// name wins.
type Table struct {
	mu        sync.RWMutex
	root      slog.Level
	loggers   map[string]slog.Level // baseline
	overrides map[string]Override
	vars      map[string]*Var
}

// NewTable makes a table with its baseline. Later changes to s do not reach the table.
func NewTable(s Spec) *Table {
	t := &Table{root: s.Root, loggers: maps.Clone(s.Loggers), vars: map[string]*Var{}}
	t.Var("")
	return t
}

// Var is the effective level of one logger: an slog.Leveler that reads one atomic.
type Var struct {
	logger    string
	effective atomic.Int64
}

// Level implements slog.Leveler.
func (v *Var) Level() slog.Level { return slog.Level(v.effective.Load()) }

// Enabled says whether a record of level l is to be made.
func (v *Var) Enabled(l slog.Level) bool { return int64(l) >= v.effective.Load() }

// Logger is the name whose level this is.
func (v *Var) Logger() string { return v.logger }

// Var returns the one Var of the named logger, for ever the same pointer.
func (t *Table) Var(logger string) *Var {
	t.mu.RLock()
	v := t.vars[logger]
	t.mu.RUnlock()
	if v != nil {
		return v
	}
	return t.add(logger)
}

func (t *Table) add(logger string) *Var {
	t.mu.Lock()
	defer t.mu.Unlock()
	if v := t.vars[logger]; v != nil {
		return v
	}
	v := &Var{logger: logger}
	v.effective.Store(int64(t.state(logger).Effective))
	t.vars[logger] = v
	return v
}

// Override replaces all overrides at once: the order is the precedence, later wins on the same
// logger; a more specific logger always wins over a less specific one.
func (t *Table) Override(all []Override) {
	byLogger := make(map[string]Override, len(all))
	for _, o := range all {
		byLogger[o.Logger] = o
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.overrides = byLogger
	for name, v := range t.vars {
		v.effective.Store(int64(t.state(name).Effective))
	}
}

// States lists every logger seen, configured or overridden, sorted by name, the root first.
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
	s := State{Logger: logger, Configured: t.root}
	if l, ok := nearest(t.loggers, logger); ok {
		s.Configured = l
	}
	s.Effective = s.Configured
	if o, ok := nearest(t.overrides, logger); ok {
		s.Leased, s.LeaseID, s.Effective = &o.Level, o.LeaseID, o.Level
	}
	return s
}

// nearest finds the entry of the logger itself or of its closest ancestor, the root ("") last.
func nearest[V any](entries map[string]V, logger string) (V, bool) {
	for {
		if v, ok := entries[logger]; ok || logger == "" {
			return v, ok
		}
		logger = logger[:max(0, strings.LastIndexByte(logger, '.'))]
	}
}
