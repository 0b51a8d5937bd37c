package spool

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// graves are segments that were shed, and are still to be removed from the disk: their pages and blocks take a file system
// up to milliseconds, which the caller who needed their room in the books does not wait for. The spool's limit holds with
// them, since room is set aside for so many bytes; while there are more, records below Error find the spool full. Safe for
// concurrent use.
type graves struct {
	remove func(path string) error
	failed func(error)
	room   int64        // bytes at most
	fresh  atomic.Bool  // something has come since the last begin
	freed  atomic.Int64 // bytes removed since the start

	mu      sync.Mutex
	waiting []grave
	bytes   int64

	spade sync.Mutex // held while files are removed
}

// grave of one segment, with the files of it that are open: only when those are closed too, the disk has its room back.
type grave struct {
	path string
	size int64
	open []io.Closer
}

// add takes a segment; false: there is no room for it.
func (g *graves) add(x grave) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bytes+x.size > g.room {
		return false
	}
	g.bytes += x.size
	g.waiting = append(g.waiting, x)
	g.fresh.Store(true)
	return true
}

// held is what waits to be removed, in bytes.
func (g *graves) held() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bytes
}

// begin has what has come removed in the background.
func (g *graves) begin() {
	if g.fresh.Load() && g.fresh.CompareAndSwap(true, false) {
		go g.dig()
	}
}

// again has what could not be removed tried once more, unless somebody is at it.
func (g *graves) again() {
	if g.held() == 0 || !g.spade.TryLock() {
		return
	}
	g.spade.Unlock()
	g.fresh.Store(true)
	g.begin()
}

// finish removes all that waits. ctx bounds the wait for the disk.
func (g *graves) finish(ctx context.Context) {
	done := make(chan struct{})
	go func() { g.dig(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// dig removes all that waits, and returns how many bytes were removed meanwhile, by others too. What cannot be removed goes on
// waiting.
func (g *graves) dig() (freed int64) {
	before := g.freed.Load()
	g.spade.Lock()
	defer g.spade.Unlock()
	var left []grave
	for {
		x, ok := g.next(left)
		if !ok {
			return g.freed.Load() - before
		}
		if g.bury(x) != nil {
			left = append(left, x)
			continue
		}
		g.freed.Add(x.size)
		g.mu.Lock()
		g.bytes -= x.size
		g.mu.Unlock()
	}
}

// next takes the first that waits; when there is none any more, those that are left wait again.
func (g *graves) next(left []grave) (x grave, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.waiting = left
		return x, false
	}
	x = g.waiting[0]
	g.waiting = slices.Delete(g.waiting, 0, 1)
	return x, true
}

// bury removes a segment, and closes what is open of it.
func (g *graves) bury(x grave) error {
	if err := g.remove(x.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		g.failed(err)
		return err
	}
	for _, f := range x.open {
		_ = f.Close()
	}
	return nil
}
