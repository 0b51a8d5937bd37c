package spool

import (
	"context"
	"time"
)

const (
	flushEvery = 40 * time.Millisecond // after the first write since the last flush: durable within 50 ms
	retryEvery = time.Second           // when nothing is written: repairs
)

// flusher runs a pass of work soon after it was asked to, or at once. One pass serves all who asked before
// it began: that is what makes a group of fdatasync calls one.
type flusher struct {
	pass   func()
	later  chan struct{}
	urgent chan struct{}
	stop   chan struct{}
	done   chan struct{}
}

func newFlusher(pass func()) flusher {
	return flusher{pass: pass, later: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{})}
}

func (f *flusher) soon() { signal(f.later) }
func (f *flusher) now()  { signal(f.urgent) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (f *flusher) run() {
	defer close(f.done)
	repair := time.NewTicker(retryEvery)
	defer repair.Stop()
	for {
		select {
		case <-f.urgent:
		case <-repair.C:
		case <-f.later:
			f.linger()
		case <-f.stop:
			f.pass()
			return
		}
		f.pass()
	}
}

// linger collects more writes, unless one of them cannot wait.
func (f *flusher) linger() {
	t := time.NewTimer(flushEvery)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.urgent:
	case <-f.stop:
	}
}

// close runs a last pass; call it once.
func (f *flusher) close(ctx context.Context) error {
	close(f.stop)
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
