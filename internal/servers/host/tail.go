package host

import (
	"io"
	"strings"
	"sync"
)

// Tail passes lines on to Next (nil: nobody) and remembers the last few, for the
// error of a start that did not come about. Safe for concurrent use.
type Tail struct {
	Next io.Writer

	mu   sync.Mutex
	last []byte
}

// Write never fails but by Next.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, b...)
	if len(t.last) > 2000 {
		t.last = t.last[len(t.last)-2000:]
	}
	next := t.Next
	t.mu.Unlock()
	if next == nil {
		return len(b), nil
	}
	return next.Write(b)
}

// String is empty, or the lines after a colon.
func (t *Tail) String() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := strings.TrimSpace(string(t.last)); s != "" {
		return ": " + s
	}
	return ""
}
