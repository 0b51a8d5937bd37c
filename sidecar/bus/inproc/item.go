package inproc

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

var errExpired = errors.New("expired")

// rest is how long an event waits whose next state could not be written.
const rest = time.Second

// item is one event in one queue.
//
//	ready ─► running ─► finished
//	  ▲          └────► delayed ─► ready …, or parked (finished)
type item struct {
	seq     uint64
	settled chan struct{} // closed when the queue has answered for it; nil: it came from disk

	mu       sync.Mutex
	record   record // empty while stored and not open: a backlog lies on disk and not in memory
	open     bool
	stored   bool
	finished bool
	answered bool
	err      error // why it could not be kept; read after settled
}

// answer lets the publisher go. it.mu is held.
func (it *item) answer(err error) {
	if it.answered || it.settled == nil {
		return
	}
	it.answered, it.err = true, err
	close(it.settled)
}

// open returns the item's record, from disk if it is only there.
func (q *queue) open(it *item) (record, error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.open = true
	if it.record.Event != nil || !it.stored {
		return it.record, nil
	}
	if err := read(q.path(pending, it.seq), &it.record); err != nil {
		return record{}, err
	}
	return it.record, nil
}

// keep puts an unfinished item on disk.
func (q *queue) keep(it *item) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.finished || it.stored {
		return nil
	}
	if err := q.store.write(q.path(pending, it.seq), it.record); err != nil {
		it.answer(err)
		return err
	}
	it.stored = true
	if !it.open {
		it.record = record{}
	}
	it.answer(nil)
	return nil
}

// finish ends a handled item.
func (q *queue) finish(it *item) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.finished = true
	it.answer(nil)
	if !it.stored {
		return nil
	}
	return q.store.drop(q.path(pending, it.seq))
}

// retry writes the next attempt's number and hands the item to a timer.
func (q *queue) retry(it *item, v flow.Verdict) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	next := it.record
	next.Attempt++
	next.Reason = v.Reason
	if err := q.store.write(q.path(pending, it.seq), next); err != nil {
		return err
	}
	it.record, it.open, it.stored = record{}, false, true
	it.answer(nil)
	q.delay(it, v.Delay)
	return nil
}

// park moves the item to the parking place; a file that cannot be read goes there as it is, for people.
func (q *queue) park(it *item, reason string) error {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.record.Event == nil {
		it.finished = true
		return ignoreMissing(os.Rename(q.path(pending, it.seq), q.path(parked, it.seq)+".unreadable"))
	}
	given := it.record
	given.Reason, given.ParkedAt = reason, time.Now().UTC()
	if err := q.store.write(q.path(parked, it.seq), given); err != nil {
		return err
	}
	it.finished = true
	it.answer(nil)
	if !it.stored {
		return nil
	}
	return q.store.drop(q.path(pending, it.seq))
}

// fail answers for an item whose next state could not be written: its publisher is told, or, when it was
// confirmed before, it is tried again later from what the disk still has.
func (q *queue) fail(it *item, err error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.answer(err)
	if it.stored && !it.finished {
		q.delay(it, rest)
	}
}

// delay puts the item back into ready after d.
func (q *queue) delay(it *item, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.delayed[it] = time.AfterFunc(d, func() { q.wake(it) })
}

func (q *queue) wake(it *item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, waits := q.delayed[it]; !waits || q.closed {
		return
	}
	delete(q.delayed, it)
	at, _ := slices.BinarySearchFunc(q.ready, it, func(a, b *item) int { return int(a.seq) - int(b.seq) })
	q.ready = slices.Insert(q.ready, at, it)
	q.dispatch()
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
