package mesh

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// shun is how long a replica that took no connection, or broke one off, is left alone while there is another.
const shun = time.Second

// replica is one address of a service.
type replica struct {
	address  string
	inFlight atomic.Int64
	refused  atomic.Pointer[time.Time] // until when it is left alone
}

func (r *replica) shun() {
	until := time.Now().Add(shun)
	r.refused.Store(&until)
}

func (r *replica) shunned() bool {
	until := r.refused.Load()
	return until != nil && time.Now().Before(*until)
}

// better chooses of two: the one with fewer calls in flight.
func better(first, second *replica) *replica {
	if second.inFlight.Load() < first.inFlight.Load() {
		return second
	}
	return first
}

// choose is the power of two choices, where the first of the two is the next in turn: replicas that are alike take turns.
// Worse ones, by rank, are taken only where there are no others.
func choose(all []*replica, turn uint64, rank func(*replica) int) *replica {
	n := uint64(len(all))
	if n == 0 {
		return nil
	}
	at, best := turn%n, rank(all[turn%n])
	for i := uint64(1); i < n && best > 0; i++ {
		if bad := rank(all[(turn+i)%n]); bad < best {
			at, best = (turn+i)%n, bad
		}
	}
	if n == 1 {
		return all[at]
	}
	second := all[(at+1+rand.Uint64N(n-1))%n] // another than the first
	if rank(second) == best {
		return better(all[at], second)
	}
	return all[at]
}

// replicas are those of one service as they were last resolved. Safe for concurrent use.
type replicas struct {
	turn atomic.Uint64
	now  atomic.Pointer[resolved]

	mu sync.Mutex
}

type resolved struct {
	addresses []string
	literal   bool // they are no names, behind which there may be others by now
	all       []*replica
}

// behind is the replicas at these addresses, or behind their names.
func (r *replicas) behind(n *names, addresses []string) []*replica {
	if now := r.now.Load(); now != nil && now.literal && slices.Equal(now.addresses, addresses) {
		return now.all
	}
	return r.at(n.expand(addresses))
}

// at is the replicas at these addresses; those that were there before keep what is known of them.
func (r *replicas) at(addresses []string) []*replica {
	if now := r.now.Load(); now != nil && slices.Equal(now.addresses, addresses) {
		return now.all
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	next := &resolved{addresses: slices.Clone(addresses), literal: literal(addresses)}
	for _, a := range addresses {
		next.all = append(next.all, r.known(a))
	}
	r.now.Store(next)
	return next.all
}

func (r *replicas) known(address string) *replica {
	if now := r.now.Load(); now != nil {
		for _, one := range now.all {
			if one.address == address {
				return one
			}
		}
	}
	return &replica{address: address}
}
