package spool

import (
	"errors"
	"io"
	"os"
)

// finish unpins the first segment, and removes it if it is read to its end. The active one is ended early
// when it is worth it, so that what is acknowledged does not take room for long.
func (q *Queue) finish() {
	s := q.finished()
	if s == nil {
		return
	}
	if q.cursor != nil {
		q.metrics.failed("sync_cursor", q.cursor.Sync())
	}
	err := q.disk.Remove(s.path)
	q.closeFile() // before the lock: its pages go with it
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pinned = false
	q.forget(0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		q.metrics.failed("remove", err) // it stays on the disk, but out of the books; an adopter removes it
	}
	q.space.used.Add(-s.size)
}

func (q *Queue) finished() *segment {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.segments[0]
	active := q.active != nil && len(q.segments) == 1
	if q.from.at < s.size || active && s.size < q.segmentBytes/4 {
		q.pinned = false
		return nil
	}
	if active {
		q.retire(place{q.issued + 1, q.written + 1})
	}
	return s
}

// restart is for a new first segment; mu is held.
func (q *Queue) restart() {
	q.from, q.to, q.batch, q.harms = mark{}, mark{}, nil, nil
	if len(q.segments) > 0 {
		q.from.passed = q.segments[0].before()
	}
	q.closeFile()
}

func (q *Queue) closeFile() {
	if f, ok := q.file.(io.Closer); ok {
		_ = f.Close()
	}
	q.file = nil
}

// release closes the files of a queue that is left alone.
func (q *Queue) release() {
	q.Release()
	if q.cursor != nil {
		_ = q.cursor.Close()
		q.cursor = nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range q.retired { // they could not be synced
		_ = f.Close()
	}
	q.retired = nil
}
