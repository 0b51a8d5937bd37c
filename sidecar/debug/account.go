package debug

import (
	"sync"
	"sync/atomic"
)

// account is what one lease has let through here, and whether that was enough. Safe for concurrent use.
type account struct {
	maxLines, maxBytes atomic.Int64 // 0: no bound
	lines, bytes       atomic.Int64
	spent, dropped     atomic.Bool
}

func (a *account) ended() bool { return a.spent.Load() || a.dropped.Load() }

// take books one line; last says that it was the one that spent the budget.
func (a *account) take(bytes int) (last bool) {
	lines, size := a.lines.Add(1), a.bytes.Add(int64(bytes))
	most, room := a.maxLines.Load(), a.maxBytes.Load()
	if (most > 0 && lines >= most) || (room > 0 && size >= room) {
		return a.spent.CompareAndSwap(false, true)
	}
	return false
}

// maxAccounts is how many leases are remembered here at least; it bounds what foreign tokens can make.
const maxAccounts = 512

// accounts by lease. A forgotten one begins anew.
type accounts struct {
	mu  sync.Mutex
	all generations[string, *account]
}

// of returns the lease's account with these bounds, which are the lease's own wherever it is met.
func (a *accounts) of(lease string, lines, bytes int64) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	one, ok := a.all.get(lease)
	if !ok {
		one = &account{}
		a.all.put(lease, one, maxAccounts)
	}
	one.maxLines.Store(lines)
	one.maxBytes.Store(bytes)
	return one
}
