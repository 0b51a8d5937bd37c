// Package ring is the memory of the black box: lines by trace, in so many bytes and for so long.
//
// A trace is a queue of bytes in blocks of 1 KiB, which holds a header and the text of each line:
//
//	trace ──▶ [ block | block | block ]     read from the front, written at the back
//
// The bound covers all that is held: blocks in use, blocks that wait to be used again, blocks whose lines are being
// shipped, and each trace's entry. Where a line does not fit, the oldest trace goes, counted from its first line; a
// trace that would take more than a quarter of the bound loses its own oldest lines. Lines go when their time is over.
package ring

import "time"

// ID of a trace.
type ID [16]byte

// Ring is not safe for concurrent use. Now is a time by the caller's monotonic clock; lines of a trace may come a little
// out of its order.
type Ring struct {
	limit int64 // bytes
	keep  time.Duration
	used  int64 // bytes, spare blocks not counted

	traces         map[ID]*trace
	oldest, newest *trace
	open           int // traces that are open

	spare  *block
	spares int64

	kept, evicted uint64 // lines
}

// trace is what is held of one.
type trace struct {
	id         ID
	chain      Chain
	until      time.Duration // it is open; 0: it is not
	prev, next *trace        // by age
	gone       bool          // it is held no more
}

// entry is what a trace takes beside its blocks, in bytes: itself, and its share of a map that is half empty.
const entry = 256

// New makes a ring that has no room; Limit gives it some.
func New() *Ring { return &Ring{traces: map[ID]*trace{}} }

// Limit bounds the ring anew: bytes in all, and the age of a line.
func (r *Ring) Limit(bytes int64, keep time.Duration) {
	r.limit, r.keep = bytes, keep
	r.fits(func() int64 { return 0 })
	r.trim()
}

// Put keeps a line, which is copied; false: there is no room for it even if everything else goes.
func (r *Ring) Put(id ID, l Line, now time.Duration) bool {
	r.kept++
	most := r.limit/4 - entry
	t := r.traces[id]
	if t != nil {
		for t.chain.Lines > 0 && (now-t.chain.since > r.keep || (t.chain.blocks+t.chain.grows(l.size()))*blockSize > most) {
			r.evicted += uint64(t.chain.dropFirst(r))
		}
	}
	if blocksOf(l.size())*blockSize > most || !r.fits(func() int64 { return t.needs(l.size()) }) {
		r.evicted++
		if t != nil {
			r.leave(t)
		}
		return false
	}
	if t == nil || t.gone {
		t = r.trace(id)
	}
	t.chain.put(r, l, now)
	return true
}

// needs is what size more bytes of a trace take, in bytes of memory.
func (t *trace) needs(size int64) int64 {
	if t != nil && !t.gone {
		return t.chain.grows(size) * blockSize
	}
	return entry + blocksOf(size)*blockSize
}

// fits has the oldest traces go until there is room. What is needed may change with that.
func (r *Ring) fits(needed func() int64) bool {
	for r.used+needed() > r.limit {
		if r.oldest == nil {
			return false
		}
		r.evict(r.oldest)
	}
	return true
}

// trim gives spare blocks up that there is no room for.
func (r *Ring) trim() {
	for r.spare != nil && r.Held() > r.limit {
		r.spare = r.spare.next
		r.spares--
	}
}

// Take gives the trace's lines to the caller, who gives the chain back to Free; they count as held until then. It is
// empty for a trace of which nothing is held.
func (r *Ring) Take(id ID, now time.Duration) (taken Chain) {
	t := r.traces[id]
	if t == nil {
		return taken
	}
	r.age(t, now)
	taken, t.chain = t.chain, Chain{}
	r.leave(t)
	return taken
}

// Free takes back what Take gave.
func (r *Ring) Free(c Chain) { c.free(r) }

// Open remembers that lines of the trace need not be kept, until then; false: there is no room to remember it in.
func (r *Ring) Open(id ID, until time.Duration) bool {
	if r.traces[id] == nil && !r.fits(func() int64 { return entry }) {
		return false
	}
	t := r.trace(id)
	if t.until == 0 {
		r.open++
	}
	t.until = until
	return true
}

// IsOpen says whether lines of the trace need not be kept.
func (r *Ring) IsOpen(id ID, now time.Duration) bool {
	t := r.traces[id]
	return t != nil && now < t.until
}

// Expire removes what is too old.
func (r *Ring) Expire(now time.Duration) {
	for t := r.oldest; t != nil; {
		next := t.next
		r.age(t, now)
		if t.until != 0 && now >= t.until {
			t.until = 0
			r.open--
		}
		r.leave(t)
		t = next
	}
}

// Clear removes everything that was not taken.
func (r *Ring) Clear() {
	for r.oldest != nil {
		r.evict(r.oldest)
	}
}

func (r *Ring) age(t *trace, now time.Duration) {
	for t.chain.Lines > 0 && now-t.chain.since > r.keep {
		r.evicted += uint64(t.chain.dropFirst(r))
	}
}

func (r *Ring) evict(t *trace) {
	r.evicted += uint64(t.chain.Lines)
	t.chain.free(r)
	t.chain = Chain{}
	if t.until != 0 {
		t.until = 0
		r.open--
	}
	r.leave(t)
}

// trace is the entry of an id, made where it is missing.
func (r *Ring) trace(id ID) *trace {
	if t := r.traces[id]; t != nil {
		return t
	}
	t := &trace{id: id, prev: r.newest}
	if r.newest != nil {
		r.newest.next = t
	} else {
		r.oldest = t
	}
	r.newest = t
	r.traces[id] = t
	r.used += entry
	r.trim()
	return t
}

// leave removes the entry if nothing is left to know of it.
func (r *Ring) leave(t *trace) {
	if t.chain.Lines > 0 || t.until != 0 || t.gone {
		return
	}
	t.gone = true
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		r.oldest = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		r.newest = t.prev
	}
	delete(r.traces, t.id)
	r.used -= entry
}

// Held is what the ring takes, in bytes: never more than its limit, but that lines which were taken stay.
func (r *Ring) Held() int64 { return r.used + r.spares*blockSize }

// Opened is the number of traces that are open.
func (r *Ring) Opened() int { return r.open }

// Empty says that nothing is left to expire.
func (r *Ring) Empty() bool { return r.oldest == nil }

// Counts are of lines since the start: those that came, and those that went without having been taken.
func (r *Ring) Counts() (kept, evicted uint64) { return r.kept, r.evicted }
