package level

import (
	"math/rand/v2"
	"sync/atomic"
)

// counter counts the suppressed lines of one level of one logger.
type counter struct {
	cell
	level  atomic.Int64 // changes once at most, from unclaimed
	crowd  atomic.Pointer[crowd]
	next   atomic.Pointer[counter] // of another level; changes once at most, from nil
	weight weight
}

// lone is a counter that shares its cache lines with nothing else.
type lone struct {
	counter
	_ [48]byte
}

func (c *counter) clear(level int64) {
	c.level.Store(level)
	c.due.Store(1)
}

// cell is a count, and at which count a line is to be weighed next.
type cell struct{ lines, due atomic.Uint64 }

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

// looks is how many lines are weighed until it is looked again whether several cores count at once.
const looks = 8

func (c *counter) weigh(bytes int) {
	if nth := c.weight.add(c, float64(bytes)); nth%looks == 0 && c.crowd.Load() == nil && c.contended() {
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
