package up

import (
	"bytes"
	"sync"
)

// lastLine remembers the last line written to it, cut at a sensible length. Safe for concurrent use.
type lastLine struct {
	mu   sync.Mutex
	line []byte
}

const maxLastLine = 4 << 10

func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := bytes.Split(bytes.TrimRight(p, "\n"), []byte("\n"))
	last := lines[len(lines)-1]
	l.line = append(l.line[:0], last[:min(len(last), maxLastLine)]...)
	return len(p), nil
}

func (l *lastLine) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.line)
}
