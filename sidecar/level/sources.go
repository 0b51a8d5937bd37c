package level

import (
	"slices"
	"sync"
)

// Target takes all overrides at once; *Table does.
type Target interface{ Override(all []Override) }

// Sources joins the overrides of several origins (the fleet's leases, this instance's own) into the
// one list that a Table takes. Safe for concurrent use.
type Sources struct {
	target Target
	names  []string // weakest first

	mu sync.Mutex
	by map[string][]Override
}

// NewSources names the origins, weakest first: on the same logger the later one wins.
func NewSources(target Target, names ...string) *Sources {
	return &Sources{target: target, names: names, by: map[string][]Override{}}
}

// Set replaces the overrides of one origin, in their order of precedence, and puts the union into
// effect before it returns. An origin that was not named is a wiring error and panics.
func (s *Sources) Set(name string, all []Override) {
	if !slices.Contains(s.names, name) {
		panic("level: no source of overrides is named " + name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.by[name] = slices.Clone(all)
	var union []Override
	for _, n := range s.names {
		union = append(union, s.by[n]...)
	}
	s.target.Override(union) // under the lock: an older union must not come after a newer one
}
