package ring

import (
	"encoding/binary"
	"slices"
	"time"
)

// Line is one that is kept.
type Line struct {
	At    int64 // its own time, Unix nanoseconds
	Class uint8 // of the spool
	Text  []byte
}

const (
	blockSize = 1024 // bytes of memory
	room      = blockSize - 8
	header    = 21 // bytes: when it was kept, its own time, the size of its text, its class
)

func (l Line) size() int64 { return header + int64(len(l.Text)) }

type block struct {
	next *block
	data [room]byte
}

func blocksOf(size int64) int64 { return (size + room - 1) / room }

// block is a spare one, or new.
func (r *Ring) block() *block {
	r.used += blockSize
	b := r.spare
	if b == nil {
		return &block{}
	}
	r.spare, b.next = b.next, nil
	r.spares--
	return b
}

func (r *Ring) recycle(b *block) {
	r.used -= blockSize
	b.next = r.spare
	r.spare = b
	r.spares++
	r.trim()
}

// Chain is the lines of a trace.
type Chain struct {
	Lines      int
	head, tail *block
	start, end int // in head, in tail
	blocks     int64
	since      time.Duration // when the first line was kept
}

// grows is how many blocks so many more bytes take.
func (c *Chain) grows(size int64) int64 {
	if c.tail != nil {
		size -= int64(room - c.end)
	}
	return max(0, blocksOf(size))
}

func (c *Chain) put(r *Ring, l Line, now time.Duration) {
	var h [header]byte
	binary.LittleEndian.PutUint64(h[:], uint64(now))
	binary.LittleEndian.PutUint64(h[8:], uint64(l.At))
	binary.LittleEndian.PutUint32(h[16:], uint32(len(l.Text)))
	h[20] = l.Class
	c.write(r, h[:])
	c.write(r, l.Text)
	if c.Lines++; c.Lines == 1 {
		c.since = now
	}
}

func (c *Chain) write(r *Ring, p []byte) {
	for len(p) > 0 {
		if c.tail == nil || c.end == room {
			c.extend(r.block())
		}
		n := copy(c.tail.data[c.end:], p)
		c.end += n
		p = p[n:]
	}
}

func (c *Chain) extend(b *block) {
	if c.tail == nil {
		c.head, c.start = b, 0
	} else {
		c.tail.next = b
	}
	c.tail, c.end = b, 0
	c.blocks++
}

// Place of a line in its chain.
type Place struct {
	At    int64
	Class uint8
	size  int
	from  cursor
}

// cursor is a place to read from.
type cursor struct {
	block *block
	at    int
}

func (c *cursor) read(p []byte) {
	for len(p) > 0 {
		n := copy(p, c.block.data[c.at:])
		p = p[n:]
		c.skip(n)
	}
}

func (c *cursor) skip(n int) {
	for c.at += n; c.at >= room && c.block != nil; c.at -= room {
		c.block = c.block.next
	}
}

// place reads the header at a cursor and leaves it behind the line.
func (c *cursor) place() (kept time.Duration, p Place) {
	var h [header]byte
	c.read(h[:])
	p = Place{At: int64(binary.LittleEndian.Uint64(h[8:])), Class: h[20], size: int(binary.LittleEndian.Uint32(h[16:])), from: *c}
	c.skip(p.size)
	return time.Duration(binary.LittleEndian.Uint64(h[:])), p
}

// ByTime lists the lines of a chain in the order of their own times.
func (c *Chain) ByTime() []Place {
	all := make([]Place, c.Lines)
	at := cursor{c.head, c.start}
	for i := range all {
		_, all[i] = at.place()
	}
	slices.SortStableFunc(all, func(a, b Place) int {
		switch {
		case a.At < b.At:
			return -1
		case a.At > b.At:
			return 1
		}
		return 0
	})
	return all
}

// Append appends the text of a line.
func (p Place) Append(dst []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, p.size)[:n+p.size]
	from := p.from
	from.read(dst[n:])
	return dst
}

// dropFirst removes the first line and returns how many that were.
func (c *Chain) dropFirst(r *Ring) int {
	at := cursor{c.head, c.start}
	at.place()
	c.Lines--
	if c.Lines == 0 {
		c.free(r)
		*c = Chain{}
		return 1
	}
	for c.head != at.block {
		gone := c.head
		c.head = gone.next
		c.blocks--
		r.recycle(gone)
	}
	c.start = at.at
	c.since, _ = at.place()
	return 1
}

func (c *Chain) free(r *Ring) {
	for b := c.head; b != nil; {
		next := b.next
		r.recycle(b)
		b = next
	}
}
