package debug

import (
	"sync"
	"sync/atomic"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
)

// account is what one lease has let through here, and whether that was enough. Safe for concurrent use.
type account struct {
	spent, dropped atomic.Bool
	shed           atomic.Int64 // lines that were too many

	mu                 sync.Mutex
	maxLines, maxBytes int64 // 0: no bound
	lines, bytes       int64 // let through, by earlier processes too
	carried            bool  // what they have let through is in it
}

func (a *account) ended() bool { return a.spent.Load() || a.dropped.Load() }

// take pays for one line; false: it does not fit any more. last says that the budget is over with it.
func (a *account) take(bytes int) (paid, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	size := int64(bytes)
	if a.spent.Load() || a.maxLines > 0 && a.lines >= a.maxLines || a.maxBytes > 0 && a.bytes+size > a.maxBytes {
		return false, a.spent.CompareAndSwap(false, true)
	}
	a.lines, a.bytes = a.lines+1, a.bytes+size
	full := a.maxLines > 0 && a.lines == a.maxLines || a.maxBytes > 0 && a.bytes == a.maxBytes
	return true, full && a.spent.CompareAndSwap(false, true)
}

func (a *account) sum() (lines, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lines, a.bytes
}

// carry adds what earlier processes have let through, once.
func (a *account) carry(lines, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.carried {
		a.lines, a.bytes, a.carried = a.lines+lines, a.bytes+bytes, true
	}
}

// bounded says whether the lease has a budget at all.
func (a *account) bounded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.maxLines > 0 || a.maxBytes > 0
}

func (a *account) bound(lines, bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.maxLines, a.maxBytes = lines, bytes
}

// maxAccounts is how many leases are remembered here at least; it bounds what foreign tokens can make.
const maxAccounts = 512

// accounts by lease. A forgotten one begins anew.
type accounts struct {
	mu  sync.Mutex
	all generations.Cache[string, *account]
}

// of returns the lease's account with these bounds, which are the lease's own wherever it is met.
func (a *accounts) of(lease string, lines, bytes int64) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.all.Use(lease, maxAccounts)
	if !ok {
		one = &account{}
		a.all.Put(lease, one, maxAccounts)
	}
	one.bound(lines, bytes)
	return one
}
