package level

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// Suppressed is what was not made of one logger and level since the start. Both figures only grow. Lines are exact;
// Bytes are those lines by the mean size of the ones that were weighed, as they would have been encoded.
type Suppressed struct {
	Logger string
	Level  slog.Level
	Lines  uint64
	Bytes  uint64
}

// Suppressed lists what was suppressed so far, by logger and level, both ascending; levels of which nothing was are
// left out.
func (t *Table) Suppressed() (all []Suppressed) {
	t.mu.RLock()
	vars := make([]*Var, 0, len(t.vars))
	for _, v := range t.vars {
		vars = append(vars, v)
	}
	t.mu.RUnlock()
	for _, v := range vars {
		for c := v.counters.Load(); c != nil; c = c.next {
			lines, bytes := c.sum()
			all = append(all, Suppressed{Logger: v.logger, Level: c.level, Lines: lines, Bytes: bytes})
		}
	}
	slices.SortFunc(all, func(a, b Suppressed) int {
		return cmp.Or(cmp.Compare(a.Logger, b.Logger), cmp.Compare(a.Level, b.Level))
	})
	return all
}

// Suppress counts a line of level l that is not made. weigh asks for it to be encoded all the same, for its size alone,
// and given to Weigh: one in about 1024, more often before a thousand of them were seen, at random, since lines come in
// patterns. Lock-free, 0 allocations but for the first line of a level.
func (v *Var) Suppress(l slog.Level) (weigh bool) {
	for c := v.counters.Load(); c != nil; c = c.next {
		if c.level == l {
			return c.add()
		}
	}
	return v.counter(clamp(l)).add()
}

// Due says whether a line of level l that was counted is to be weighed, for whoever encodes it in any case.
func (v *Var) Due(l slog.Level) bool {
	l = clamp(l)
	for c := v.counters.Load(); c != nil; c = c.next {
		if c.level == l {
			x := c.mine()
			return x.lines.Load() >= x.due.Load()
		}
	}
	return true
}

// Weigh books the size of an encoded line of level l, in bytes.
func (v *Var) Weigh(l slog.Level, bytes int) { v.counter(clamp(l)).weigh(bytes) }

// farthest bounds the levels that are told apart, and so what levels made of arbitrary numbers can take.
const farthest = 16

func clamp(l slog.Level) slog.Level { return max(-farthest, min(l, farthest)) }

// counter of a level, made where it is missing.
func (v *Var) counter(l slog.Level) *counter {
	for {
		first := v.counters.Load()
		for c := first; c != nil; c = c.next {
			if c.level == l {
				return c
			}
		}
		c := &counter{level: l, next: first, weight: &weight{}}
		c.due.Store(1)
		if v.counters.CompareAndSwap(first, c) {
			return c
		}
	}
}

// counter counts the suppressed lines of one level of one logger. It fills a cache line, so that counting here is not
// felt elsewhere.
type counter struct {
	cell
	level  slog.Level
	next   *counter // of another level; never changes
	crowd  atomic.Pointer[crowd]
	weight *weight
	_      [16]byte
}

// cell is a count, and at which count a line is to be weighed next.
type cell struct{ lines, due atomic.Uint64 }

func (c *counter) add() (weigh bool) {
	if many := c.crowd.Load(); many != nil {
		return many.mine().add(c)
	}
	n := c.lines.Add(1)
	return n >= c.due.Load() && c.drawn(c, n)
}

func (x *cell) add(c *counter) (weigh bool) {
	n := x.lines.Add(1)
	return n >= x.due.Load() && x.drawn(c, n)
}

// drawn decides about the n-th line, which is due. Two in a row are let through until one is weighed: who asks for the
// level before making the line asks twice. One that asks and makes nothing must not go on for ever.
func (x *cell) drawn(c *counter, n uint64) (weigh bool) {
	due := x.due.Load()
	if n <= due+1 {
		return true
	}
	x.postpone(c, due, n)
	return false
}

// every is how many lines are suppressed to one that is weighed, once there have been eight times as many.
const every = 1024

func (x *cell) postpone(c *counter, due, n uint64) {
	gap := min(every, max(1, (n+c.lines.Load())/8))
	x.due.CompareAndSwap(due, n+1+rand.Uint64N(2*gap))
}

func (c *counter) weigh(bytes int) {
	c.weight.add(c, float64(bytes))
	if c.crowd.Load() == nil && c.contended() {
		c.crowd.CompareAndSwap(nil, newCrowd())
	}
	x := c.mine()
	if due, n := x.due.Load(), x.lines.Load(); n >= due {
		x.postpone(c, due, n)
	}
}

// mine is the cell that the calling goroutine counts on.
func (c *counter) mine() *cell {
	if many := c.crowd.Load(); many != nil {
		return many.mine()
	}
	return &c.cell
}

func (c *counter) count() uint64 {
	n := c.lines.Load()
	if many := c.crowd.Load(); many != nil {
		n += many.count()
	}
	return n
}

func (c *counter) sum() (lines, bytes uint64) { return c.weight.sum(c) }

const (
	memory  = 64  // weighed lines that the mean is made of, roughly; it follows what changes
	assumed = 256 // bytes of a line where none has been weighed
)

// weight is the mean size of a counter's lines, and what those up to now came to. A later mean counts for later lines
// alone, so that the sum never falls.
type weight struct {
	mu     sync.Mutex
	seen   float64 // lines weighed
	mean   float64 // bytes
	booked float64 // bytes of the first lines
	lines  uint64  // how many those are
}

func (w *weight) add(c *counter, bytes float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen++; w.seen == 1 {
		w.mean = bytes
	}
	w.book(c)
	w.mean += (bytes - w.mean) / min(w.seen, memory)
}

func (w *weight) sum(c *counter) (lines, bytes uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.book(c)
	return w.lines, uint64(w.booked)
}

func (w *weight) book(c *counter) {
	mean := w.mean
	if w.seen == 0 {
		mean = assumed
	}
	n := c.count()
	w.booked += mean * float64(n-w.lines)
	w.lines = n
}
