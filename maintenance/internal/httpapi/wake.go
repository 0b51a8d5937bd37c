package httpapi

import "sync"

// wake tells all tails at once that something was stored.
type wake struct {
	mu   sync.Mutex
	ch   chan struct{}
	once sync.Once
	done chan struct{}
}

func newWake() *wake { return &wake{ch: make(chan struct{}), done: make(chan struct{})} }

// next is closed by the next all.
func (w *wake) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ch
}

func (w *wake) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.ch)
	w.ch = make(chan struct{})
}

func (w *wake) close() { w.once.Do(func() { close(w.done) }) }
