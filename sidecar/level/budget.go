package level

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// Budget of one override on this instance: what the lines that pass because of it alone are paid from. When it is spent
// the override counts no more, at once and on all its loggers, and what it would have let through is counted until the
// lease ends:
//
//	holds --Pay, the last line that fits--> spent (OnSpent) --the override goes--> ended (OnShed)
type Budget struct {
	table    *Table
	override Override
	spent    atomic.Bool

	mu           sync.Mutex
	lines, bytes int64 // paid, by earlier processes too
	late, weight int64 // lines and bytes that came too late to be paid

	// of the table, under its lock, once it is spent
	told   bool // it was said
	shed   sums
	before map[*counter]sums
}

type sums struct{ lines, bytes uint64 }

// Spent says that the budget lets nothing through any more. Nil is none, and never spent.
func (b *Budget) Spent() bool { return b != nil && b.spent.Load() }

// LeaseID of the override.
func (b *Budget) LeaseID() string { return b.override.LeaseID }

// Pay takes a line of so many bytes from the budget; false: it does not fit any more, and is not to be written. So what
// is written is never more than the budget, however many lines are in the making.
func (b *Budget) Pay(bytes int) bool {
	if b == nil {
		return true
	}
	paid, over := b.take(int64(bytes))
	if over {
		b.table.fallBack(b)
	}
	return paid
}

// take reports besides whether the budget is over now and was not before.
func (b *Budget) take(bytes int64) (paid, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := &b.override
	if b.spent.Load() || o.Lines > 0 && b.lines >= o.Lines || o.Bytes > 0 && b.bytes+bytes > o.Bytes {
		b.late++
		b.weight += bytes
		return false, b.spent.CompareAndSwap(false, true)
	}
	b.lines++
	b.bytes += bytes
	if o.Lines > 0 && b.lines == o.Lines || o.Bytes > 0 && b.bytes == o.Bytes {
		return true, b.spent.CompareAndSwap(false, true)
	}
	return true, false
}

// budget of an override, the one that it had before if it is the same; t.mu is held.
func (t *Table) budget(o Override, before map[Override]*Budget) *Budget {
	b := before[o]
	if b == nil {
		b = &Budget{table: t, override: o, lines: o.UsedLines, bytes: o.UsedBytes}
	}
	t.budgets[o] = b
	return b
}

// Used tells of each override with a budget what was paid from it, by earlier processes too. tell must not call the table.
func (t *Table) Used(tell func(leaseID string, lines, bytes int64)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for o, b := range t.budgets {
		b.mu.Lock()
		lines, bytes := b.lines, b.bytes
		b.mu.Unlock()
		tell(o.LeaseID, lines, bytes)
	}
}

// fallBack takes a spent budget's override out of force.
func (t *Table) fallBack(b *Budget) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.budgets[b.override] != b {
		return // its lease has ended meanwhile
	}
	t.settle()
	t.refresh()
	t.tell(b)
}

// tell says once that the budget is spent; t.mu is held.
func (t *Table) tell(b *Budget) {
	if b.told {
		return
	}
	b.told = true
	b.mu.Lock()
	defer b.mu.Unlock()
	t.notices.spent(b.override.LeaseID, b.lines, b.bytes)
}

// end tells of the spent budgets that are no more; t.mu is held.
func (t *Table) end(before map[Override]*Budget) {
	for o, b := range before {
		if t.budgets[o] == b || !b.Spent() {
			continue
		}
		t.tell(b)
		s := b.total()
		t.shed += s.lines
		t.notices.ended(Shed{LeaseID: o.LeaseID, Logger: o.Logger, Level: o.Level, Lines: s.lines, Bytes: s.bytes})
	}
}

// settle books what the spent budgets have shed since it was last called; t.mu is held, and the overrides have not
// changed since then, so that it is known who would have let a line through.
func (t *Table) settle() {
	for _, b := range t.budgets {
		if b.Spent() {
			t.book(b)
		}
	}
}

func (t *Table) book(b *Budget) {
	first := b.before == nil
	now := map[*counter]sums{}
	for name, v := range t.vars {
		if !within(b.override.Logger, name) {
			continue
		}
		wins := !first && t.wins(b, name)
		for l, c := range v.counters {
			if l < b.override.Level {
				continue
			}
			lines, bytes := c.sum()
			now[c] = sums{lines, bytes}
			if wins {
				b.shed.lines += lines - b.before[c].lines
				b.shed.bytes += bytes - b.before[c].bytes
			}
		}
	}
	b.before = now
}

// wins says whether the logger's level would be the spent budget's, were it not spent; t.mu is held.
func (t *Table) wins(b *Budget, logger string) bool {
	for name, ok := ancestor(t.overrides, logger); ok; name, ok = above(t.overrides, name) {
		at := t.overrides[name]
		for i := len(at) - 1; i >= 0; i-- {
			if at[i].budget == b {
				return true
			}
			if !at[i].budget.Spent() {
				return false
			}
		}
	}
	return false
}

func within(ancestor, logger string) bool {
	return ancestor == "" || logger == ancestor ||
		len(logger) > len(ancestor) && logger[:len(ancestor)] == ancestor && logger[len(ancestor)] == '.'
}

// total is what was shed, with the lines that were in the making; the table's lock is held.
func (b *Budget) total() sums {
	b.mu.Lock()
	defer b.mu.Unlock()
	return sums{b.shed.lines + uint64(b.late), b.shed.bytes + uint64(b.weight)}
}

// Shed is what a spent budget has kept back until its lease ended. Bytes are an estimate, as in Suppressed.
type Shed struct {
	LeaseID string
	Logger  string
	Level   slog.Level
	Lines   uint64
	Bytes   uint64
}

// Shed counts the lines that spent budgets have kept back since the start.
func (t *Table) Shed() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle()
	n := t.shed
	for _, b := range t.budgets {
		if b.Spent() {
			n += b.total().lines
		}
	}
	return n
}
