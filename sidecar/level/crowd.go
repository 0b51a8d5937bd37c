package level

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// crowd is what a counter becomes when several cores count on it at once: a cell for each of some goroutines, on a cache
// line of its own. One line that all cores write to costs each of them many times the count itself.
type crowd struct {
	shift uint
	cells []struct {
		cell
		_ [48]byte
	}
}

// mostCells bounds what a crowded counter takes: 64 bytes each.
const mostCells = 64

func newCrowd() *crowd {
	n, bits := 2, uint(1)
	for n < 4*runtime.GOMAXPROCS(0) && n < mostCells {
		n, bits = 2*n, bits+1
	}
	m := &crowd{shift: 64 - bits}
	m.cells = make([]struct {
		cell
		_ [48]byte
	}, n)
	for i := range m.cells {
		m.cells[i].due.Store(uint64(1 + i*every/n))
	}
	return m
}

// mine is the cell of the calling goroutine, by the place of its stack: goroutines run on one core for long, and Go
// does not say on which. A stack that moves only means another cell.
func (m *crowd) mine() *cell {
	var here byte
	stack := uint64(uintptr(unsafe.Pointer(&here))) >> 13 // the address is never used as one
	return &m.cells[stack*0x9E3779B97F4A7C15>>m.shift].cell
}

func (m *crowd) count() (n uint64) {
	for i := range m.cells {
		n += m.cells[i].lines.Load()
	}
	return n
}

// contended looks a few times whether others count right now.
func (c *counter) contended() bool {
	met := 0
	for range 8 {
		n := c.lines.Load()
		pause()
		if !c.lines.CompareAndSwap(n, n) {
			met++
		}
	}
	return met > 1
}

// pause is a few nanoseconds in which another core can come by.
func pause() {
	var x atomic.Uint32
	for range 4 {
		x.Load()
	}
}
