package level

import "sync"

const (
	memory  = 64  // weighed lines that the mean is made of, roughly; it follows what changes
	assumed = 256 // bytes of a line where none has been weighed
)

// weight is the mean size of a counter's lines, and what those up to now came to. A later mean counts for later lines
// alone, so that the sum never falls.
type weight struct {
	mu     sync.Mutex
	seen   uint64  // lines weighed
	mean   float64 // bytes
	booked float64 // bytes of the first lines
	lines  uint64  // how many those are
}

// add weighs the nth line.
func (w *weight) add(c *counter, bytes float64) (nth uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen++; w.seen == 1 {
		w.mean = bytes
	}
	w.book(c)
	w.mean += (bytes - w.mean) / float64(min(w.seen, memory))
	return w.seen
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
