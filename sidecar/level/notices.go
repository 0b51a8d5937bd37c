package level

import "sync"

// notices tell what has become of budgets, in its order and in a goroutine of their own, which ends when all is told: a
// budget is spent inside of somebody's log call, and a lease ends under its holder's lock.
type notices struct {
	mu      sync.Mutex
	onSpent []func(leaseID string, lines, bytes int64)
	onShed  []func(Shed)
	waiting []func()
	telling bool
}

// OnSpent has f told of each budget that is spent, with what was let through for it: the override has fallen back by
// itself. f may take its time, and must not wait for a change of this table's overrides that is told of here too.
func (t *Table) OnSpent(f func(leaseID string, lines, bytes int64)) {
	t.notices.mu.Lock()
	defer t.notices.mu.Unlock()
	t.notices.onSpent = append(t.notices.onSpent, f)
}

// OnShed has f told of each override that ends after its budget was spent. For f the same holds as for OnSpent.
func (t *Table) OnShed(f func(Shed)) {
	t.notices.mu.Lock()
	defer t.notices.mu.Unlock()
	t.notices.onShed = append(t.notices.onShed, f)
}

func (n *notices) spent(leaseID string, lines, bytes int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.onSpent {
		n.put(func() { f(leaseID, lines, bytes) })
	}
}

func (n *notices) ended(s Shed) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.onShed {
		n.put(func() { f(s) })
	}
}

// put is called with n.mu held.
func (n *notices) put(f func()) {
	n.waiting = append(n.waiting, f)
	if !n.telling {
		n.telling = true
		go n.tell()
	}
}

func (n *notices) tell() {
	for {
		n.mu.Lock()
		if len(n.waiting) == 0 {
			n.telling = false
			n.mu.Unlock()
			return
		}
		f := n.waiting[0]
		n.waiting = n.waiting[1:]
		n.mu.Unlock()
		f()
	}
}
