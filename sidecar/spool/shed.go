package spool

import (
	"errors"
	"os"
	"slices"
)

// shed removes the oldest segment that is not being shipped and returns its size, 0 if there is none.
// Unless forced, a short active segment stays: the newcomer is worth no more than it.
func (q *Queue) shed(force bool) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := 0
	if q.pinned {
		at = 1
	}
	if at >= len(q.segments) {
		return 0
	}
	s, active := q.segments[at], q.active != nil && at == len(q.segments)-1
	if active && !force && s.size < q.segmentBytes/2 {
		return 0
	}
	if err := q.disk.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		q.metrics.failed("remove", err)
		return 0
	}
	q.closeShed(s, active)
	q.forget(at)
	q.drop(ReasonShed, uint64(s.records-s.done), max(s.first.seq, q.acked+1), s.lastSeq(q.issued))
	return s.size
}

// closeShed closes the file of a removed segment: only then the disk has its room back.
func (q *Queue) closeShed(s *segment, active bool) {
	if active {
		_ = q.active.Close()
		q.active = nil
		return
	}
	for i, f := range q.retired {
		if f.path == s.path {
			_ = f.Close()
			q.retired = slices.Delete(q.retired, i, i+1)
			return
		}
	}
}

// forget takes a segment out of the books; mu is held.
func (q *Queue) forget(at int) {
	s := q.segments[at]
	q.segments = slices.Delete(q.segments, at, at+1)
	q.pending -= s.records - s.done
	if at == 0 {
		q.restart()
	}
}
