package mesh

import (
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// rules are what leases say about calls to others.
type rules struct {
	mu       sync.Mutex
	policies map[string]Policy // by destination, "" for all others
	faults   []held            // strongest first
	changed  func()            // told without the lock
}

// held is a fault and the lease that it came by.
type held struct {
	Fault
	lease string
}

// policy of calls to a destination; the zero one where no lease speaks of it.
func (r *rules) policy(destination string) Policy {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.policies[destination]; ok {
		return p
	}
	return r.policies[""]
}

// fault of calls to a destination by a protocol: the strongest of those that name it, else of those for all; nil: none.
func (r *rules) fault(destination, protocol string) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range []string{destination, ""} {
		for i := range r.faults {
			if f := &r.faults[i]; f.Destination == name && f.does(protocol) {
				return f
			}
		}
	}
	return nil
}

// policies is the effect of policy leases: for each destination the strongest one holds, whole.
type policies struct{ *rules }

// Apply implements lease.Effect.
func (p policies) Apply(all []lease.Lease) map[string]error {
	refused, next := map[string]error{}, map[string]Policy{}
	for _, l := range all {
		one, err := ParsePolicy(l.Value)
		if err != nil {
			refused[l.ID] = err
			continue
		}
		next[one.Destination] = one // the stronger come later
	}
	p.mu.Lock()
	p.policies = next
	p.mu.Unlock()
	p.changed()
	return refused
}

// faults is the effect of fault leases.
type faults struct{ *rules }

// Apply implements lease.Effect.
func (f faults) Apply(all []lease.Lease) map[string]error {
	refused, next := map[string]error{}, make([]held, 0, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		one, err := ParseFault(all[i].Value)
		if err != nil {
			refused[all[i].ID] = err
			continue
		}
		next = append(next, held{one, all[i].ID})
	}
	f.mu.Lock()
	f.faults = next
	f.mu.Unlock()
	f.changed()
	return refused
}
