// Package level holds the log levels of one process part: a configured baseline by logger name, and
// overrides (leases) on top. Names inherit by dots: catalogs.store.rls takes catalogs.store's level.
//
// It also knows what the levels cost: lines that are not made are counted by logger and level (Var.Suppress,
// Table.Suppressed), so that it can be said beforehand what a lower level would add, and an override may have a
// budget, after which it falls back by itself (Budget).
package level

import (
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
)

// Override is one lease's effect on this instance. Logger "" is the root: every logger.
type Override struct {
	LeaseID string
	Logger  string
	Level   slog.Level
	Lines   int64 // its budget on this instance: lines that it may let through; 0: no bound
	Bytes   int64 // the same in bytes of encoded lines

	UsedLines, UsedBytes int64 // of the budget, before this process; the same as long as the override is there
}

// Table is safe for concurrent use. Reads (Var.Enabled) are lock-free, 0 allocations.
//
// An override beats the baseline however specific the baseline's entry is: somebody who asks for
// DEBUG on the root means every logger. Among overrides, and within the baseline, the most specific
// name wins. An override whose budget is spent counts no more; the next weaker one is then in effect.
type Table struct {
	mu        sync.RWMutex
	root      slog.Level
	loggers   map[string]slog.Level // baseline
	overrides map[string][]override // by logger, the strongest last
	budgets   map[Override]*Budget  // of the overrides that have one
	vars      map[string]*Var
	shed      uint64 // lines, by budgets whose lease has ended

	notices notices
}

// override is one with its budget, if it has one.
type override struct {
	Override
	budget *Budget
}

// NewTable makes a table with its baseline. Later changes to s do not reach the table.
func NewTable(s Spec) *Table {
	t := &Table{root: s.Root, loggers: maps.Clone(s.Loggers), vars: map[string]*Var{}}
	t.Var("")
	return t
}

// Var is the effective level of one logger: an slog.Leveler that reads one atomic.
type Var struct {
	effective atomic.Int64 // a disabled call touches one cache line, from here to the counter's weight
	state     atomic.Pointer[effect]
	counter
	logger string
	_      [16]byte
}

// effect is a level, and who has to pay for a line that passes it.
type effect struct {
	effective slog.Level
	claims    *claim
}

// claim says that lines below floor pass because of one override alone; what else passes is a matter of those below.
type claim struct {
	floor  slog.Level
	budget *Budget // nil: it has none
	below  *claim
}

// Level implements slog.Leveler.
func (v *Var) Level() slog.Level { return slog.Level(v.effective.Load()) }

// Enabled says whether a record of level l is to be made.
func (v *Var) Enabled(l slog.Level) bool { return int64(l) >= v.effective.Load() }

// Admit is Enabled for a record that is about to be written: pay is the budget that it passes by, to be paid from before
// it is written, and nil when it passes for nothing.
func (v *Var) Admit(l slog.Level) (pay *Budget, ok bool) {
	now := v.state.Load()
	if l < now.effective {
		return nil, false
	}
	for c := now.claims; c != nil; c = c.below {
		if l < c.floor {
			return c.budget, true
		}
	}
	return nil, true
}

// put makes the effect that of the logger. The effect goes first: what Enabled lets through by a new level finds its budget.
func (v *Var) put(e *effect) {
	v.state.Store(e)
	v.effective.Store(int64(e.effective))
}

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
	v.counter.clear(unclaimed)
	v.put(t.effect(logger))
	t.vars[logger] = v
	return v
}

// Override replaces all overrides at once: the order is the precedence, later wins on the same
// logger; a more specific logger always wins over a less specific one. One that was there before keeps what is left
// of its budget.
func (t *Table) Override(all []Override) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle()
	before := t.budgets
	t.overrides, t.budgets = make(map[string][]override, len(all)), map[Override]*Budget{}
	for _, o := range all {
		one := override{Override: o}
		if o.Lines > 0 || o.Bytes > 0 {
			one.budget = t.budget(o, before)
		}
		t.overrides[o.Logger] = append(t.overrides[o.Logger], one)
	}
	t.end(before)
	t.refresh()
}

// refresh gives every logger its effect; t.mu is held. Loggers that have the same share one, so that a change costs
// little memory with thousands of them.
func (t *Table) refresh() {
	type place struct {
		owner      string
		owned      bool
		configured slog.Level
	}
	known := map[place]*effect{}
	for name, v := range t.vars {
		var at place
		at.owner, at.owned = ancestor(t.overrides, name)
		at.configured = t.configured(name)
		e := known[at]
		if e == nil {
			e = t.effect(name)
			known[at] = e
		}
		v.put(e)
	}
}

// effect computes one logger's; t.mu is held.
func (t *Table) effect(logger string) *effect {
	all := t.strongest(logger)
	if len(all) == 0 {
		return &effect{effective: t.configured(logger)}
	}
	e := &effect{effective: all[0].Level}
	floor, budgeted := t.configured(logger), false
	for i := len(all) - 1; i >= 0; i-- { // from the weakest on, each on top of those below
		e.claims = &claim{floor: floor, budget: all[i].budget, below: e.claims}
		floor = all[i].Level
		budgeted = budgeted || all[i].budget != nil
	}
	if !budgeted {
		e.claims = nil
	}
	return e
}

// strongest lists the overrides that reach the logger and are not spent, the strongest first.
func (t *Table) strongest(logger string) (all []override) {
	for name, ok := ancestor(t.overrides, logger); ok; name, ok = above(t.overrides, name) {
		at := t.overrides[name]
		for i := len(at) - 1; i >= 0; i-- {
			if !at[i].budget.Spent() {
				all = append(all, at[i])
			}
		}
	}
	return all
}

func (t *Table) configured(logger string) slog.Level {
	if name, ok := ancestor(t.loggers, logger); ok {
		return t.loggers[name]
	}
	return t.root
}

// ancestor is the name with an entry that is the logger itself or its closest ancestor, the root ("") last.
func ancestor[V any](entries map[string]V, logger string) (string, bool) {
	for {
		if _, ok := entries[logger]; ok || logger == "" {
			return logger, ok
		}
		logger = parent(logger)
	}
}

// above is the next ancestor with an entry.
func above[V any](entries map[string]V, logger string) (string, bool) {
	if logger == "" {
		return "", false
	}
	return ancestor(entries, parent(logger))
}

func parent(logger string) string { return logger[:max(0, strings.LastIndexByte(logger, '.'))] }
