package spool

import (
	"errors"
	"os"
	"slices"
)

// flush makes durable what is written, and lets go who waits for it. Who waits for what could not be made durable is
// let go by its own patience, and counted.
func (q *Queue) flush() {
	q.mu.Lock()
	if !q.dirty && !q.created && len(q.retired) == 0 {
		q.mu.Unlock()
		return
	}
	waiting, retired, active, created, written := q.flushed, q.retired, q.active, q.created, q.tail
	q.flushed, q.retired, q.dirty, q.created = nil, nil, false, false
	if active != nil {
		q.tail = tail{at: q.last().size}
	}
	q.mu.Unlock()
	if created {
		q.syncDir()
	}
	switch {
	case active == nil:
	case q.sync(active):
		q.spare(written)
	default:
		retired = append(retired, q.distrust(active, written)...)
	}
	left := slices.DeleteFunc(retired, q.ended)
	q.again(left)
	fresh := slices.ContainsFunc(left, func(f *full) bool { return f.tries <= 1 })
	if waiting != nil && !fresh {
		close(waiting)
	}
}

// again has a later flush do what has failed. Files of segments that were shed meanwhile are closed.
func (q *Queue) again(left []*full) {
	if len(left) == 0 {
		return
	}
	for _, f := range q.retry(left) {
		_ = f.Close()
	}
}

// retry returns those that are in the books no more.
func (q *Queue) retry(left []*full) (gone []*full) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range left {
		if slices.ContainsFunc(q.segments, func(s *segment) bool { return s.path == f.path }) {
			q.retired = append(q.retired, f)
		} else {
			gone = append(gone, f)
		}
	}
	q.bound()
	return gone
}

// syncDir is done again by the next flush if it fails.
func (q *Queue) syncDir() {
	err := q.disk.SyncDir(q.dir)
	if err == nil {
		return
	}
	q.metrics.failed("sync_dir", err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.created = true
}

// sync has nothing to do for a file that was shed meanwhile.
func (q *Queue) sync(f File) bool {
	err := f.Sync()
	if err == nil || errors.Is(err, os.ErrClosed) {
		return true
	}
	q.metrics.failed("sync", err)
	return false
}
