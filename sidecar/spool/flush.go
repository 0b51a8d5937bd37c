package spool

import (
	"errors"
	"os"
	"slices"
)

// flush makes durable what is written, and lets go who waits for it.
func (q *Queue) flush() {
	q.mu.Lock()
	if !q.dirty && !q.created && len(q.retired) == 0 {
		q.mu.Unlock()
		return
	}
	waiting, retired, active, created := q.flushed, q.retired, q.active, q.created
	q.flushed, q.retired, q.dirty, q.created = nil, nil, false, false
	q.mu.Unlock()
	if created {
		q.syncDir()
	}
	q.again(active, active == nil || q.sync(active), slices.DeleteFunc(retired, q.ended))
	if waiting != nil {
		close(waiting)
	}
}

// ended is true of a full segment that is synced, and closed by it.
func (q *Queue) ended(f full) bool {
	ok := q.sync(f)
	if ok {
		_ = f.Close()
	}
	return ok
}

// again has the next flush do what has failed.
func (q *Queue) again(active File, synced bool, retired []full) {
	if synced && len(retired) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dirty = q.dirty || !synced && q.active == active // else it is full now, and in the list
	for _, f := range retired {
		if slices.ContainsFunc(q.segments, func(s *segment) bool { return s.path == f.path }) {
			q.retired = append(q.retired, f)
		} else {
			_ = f.Close()
		}
	}
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
