package profile

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// capture of one profile. After end it is only read.
type capture struct {
	lease   lease.Lease
	request Request
	file    *file
	stop    func() error // ends the profiler
	release func()       // gives it back to the process
	over    chan struct{}
	finish  func() // closes over: the lease has ended

	from, until time.Time
	size        int64
	sha         []byte
	cut         bool // it ended before its time
}

// open claims the profiler and starts it. c.mu is held.
func (c *Collector) open(l lease.Lease, q Request) (_ *capture, err error) {
	if !c.swept {
		if c.left, err = sweep(c.settings.Dir); err != nil {
			return nil, err
		}
		c.swept = true
	}
	if slices.ContainsFunc(c.left, func(name string) bool { return strings.HasPrefix(name, named(l.ID)) }) {
		return nil, errCrashed
	}
	one := &capture{lease: l, request: q, over: make(chan struct{}), release: func() {}}
	one.finish = sync.OnceFunc(func() { close(one.over) })
	if !q.momentary() {
		if one.release, err = c.settings.Runtime.claim(q.Kind, c.settings.Instance); err != nil {
			return nil, err
		}
	}
	if one.file, err = newFile(c.settings.Dir, l.ID, c.settings.MaxSize); err != nil {
		one.release()
		return nil, err
	}
	one.from = time.Now()
	if one.stop, err = c.settings.Runtime.start(q, one.file); err != nil {
		one.file.remove()
		one.release()
		return nil, err
	}
	return one, nil
}

// wait lasts as long as the capture does.
func (o *capture) wait(ctx context.Context) {
	if o.request.momentary() {
		return
	}
	var timer <-chan time.Time
	if !o.request.Before { // which lasts as long as its lease
		t := time.NewTimer(o.request.For)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-timer:
	case <-o.over:
		o.cut = !o.request.Before
	case <-o.file.near:
		o.cut = true
	case <-ctx.Done():
		o.cut = true
	}
}

// end stops the profiler, in any case, and says what there is.
func (o *capture) end() error {
	err := o.stop()
	o.release()
	o.until = time.Now()
	if o.request.Before && o.until.Sub(o.from) > o.request.For {
		o.from = o.until.Add(-o.request.For)
	}
	if o.request.momentary() {
		o.from = o.until
	}
	size, sha, failed := o.file.sum()
	if failed != nil {
		return failed // and what stop said comes of it
	}
	if err != nil {
		return err
	}
	o.size, o.sha = size, sha
	return nil
}
