package peers

import (
	"maps"
	"slices"
	"sync"
)

// Static answers from a fixed list, and by DNS name for what is not in it.
type Static map[string]Peer

// Resolve implements Resolver. What a listed peer leaves out (an address kind) stays left out.
func (s Static) Resolve(service string) Peer {
	if p, ok := s[service]; ok {
		return p
	}
	return DNS{}.Resolve(service)
}

// DNS answers with the service's own name on the ports of a Kubernetes Service.
type DNS struct{}

// Resolve implements Resolver.
func (DNS) Resolve(service string) Peer {
	return Peer{HTTP: []string{service + ":80"}, RPC: []string{service + ":5001"}}
}

// Book is a list that changes while it is read: `up` enters the addresses as its services bind them.
// The zero Book is empty and ready; it is safe for concurrent use.
type Book struct {
	mu  sync.RWMutex
	all map[string]Peer
}

// Resolve implements Resolver.
func (b *Book) Resolve(service string) Peer {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if p, ok := b.all[service]; ok {
		return clone(p)
	}
	return DNS{}.Resolve(service)
}

// Set replaces a service's addresses.
func (b *Book) Set(service string, p Peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]Peer{}
	}
	b.all[service] = clone(p)
}

// Add enters one more replica.
func (b *Book) Add(service, http, rpc string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]Peer{}
	}
	p := clone(b.all[service])
	p.HTTP, p.RPC = append(p.HTTP, http), append(p.RPC, rpc)
	b.all[service] = p
}

// Remove takes a service out.
func (b *Book) Remove(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.all, service)
}

// All is a copy of the list.
func (b *Book) All() map[string]Peer {
	b.mu.RLock()
	defer b.mu.RUnlock()
	out := make(map[string]Peer, len(b.all))
	for name, p := range b.all {
		out[name] = clone(p)
	}
	return out
}

func clone(p Peer) Peer { return Peer{HTTP: slices.Clone(p.HTTP), RPC: slices.Clone(p.RPC)} }

func sortedNames(all map[string]Peer) []string { return slices.Sorted(maps.Keys(all)) }
