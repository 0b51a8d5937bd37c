package profile

import (
	"fmt"
	"sync"
)

// Runtime stands for the profilers of the process, of which each does one thing at a time. Services that share a process
// share it; with one each, CPU profiles and traces are still refused by Go's runtime itself, but blocking and mutexes
// could be switched off by whoever ends first. Safe for concurrent use.
type Runtime struct {
	blockRate int

	mu   sync.Mutex
	busy map[string]string // profiler → who has it
}

// NewRuntime makes it for a process whose own block profile rate is blockRate (0: it has none). Go cannot be asked for
// that; it is what holds again after a capture.
func NewRuntime(blockRate int) *Runtime {
	return &Runtime{blockRate: blockRate, busy: map[string]string{}}
}

// claim takes a profiler until release. Its error says who has it.
func (r *Runtime) claim(profiler, who string) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.busy[profiler]; other != "" {
		return nil, fmt.Errorf("%s captures a %s profile of the same process just now", other, profiler)
	}
	r.busy[profiler] = who
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.busy, profiler)
	}), nil
}
