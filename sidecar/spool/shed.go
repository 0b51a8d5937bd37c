package spool

import (
	"io"
	"slices"
)

// burial says who removes the file of a segment that is shed.
type burial int

const (
	inGrave    burial = iota // it is removed in the background; where those that wait are too many, nothing is shed
	graveOrNow               // or by the caller
	now                      // by the caller, so that the disk has room when it returns
)

// shed makes room for a frame of the class: the lowest class first, the oldest epoch first. For one that comes after the end
// nothing goes: it is refused.
func (s *Spool) shed(newcomer Class) int64 {
	if s.current.Queues[newcomer].State().Closed {
		return 0
	}
	where := inGrave
	if newcomer == Error {
		where = graveOrNow
	}
	if freed := s.shedBelow(newcomer, where); freed > 0 {
		return freed
	}
	return s.shedOf(newcomer, false, where)
}

func (s *Spool) shedBelow(newcomer Class, where burial) int64 {
	for c := Debug; c < newcomer; c++ {
		if freed := s.shedOf(c, true, where); freed > 0 {
			return freed
		}
	}
	return 0
}

func (s *Spool) shedOf(c Class, force bool, where burial) int64 {
	for _, e := range append(s.Adopted(), s.current) {
		if freed := e.Queues[c].shed(force, where); freed > 0 {
			return freed
		}
	}
	return 0
}

// makeRoom removes at once, for a disk that is full, what is given up already, or a segment of less worth than the class.
func (s *Spool) makeRoom(newcomer Class) bool {
	if s.graves.dig() > 0 {
		return true
	}
	freed := s.shedBelow(newcomer, now)
	s.space.used.Add(-freed)
	return freed > 0
}

// opening is how much has to be free besides a frame of so many bytes: a class begins no segment for a few small records,
// which would have to go for the next one of more worth. Errors may.
func (q *Queue) opening(size int) int64 {
	enough := q.segmentBytes / 8
	if q.class == Error || int64(size) >= enough {
		return 0
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active != nil && q.last().size+int64(size) <= q.segmentBytes {
		return 0
	}
	return enough
}

// bury has a segment removed. One of a large record, for which there never is room in the grave, is removed by the caller.
func (q *Queue) bury(x grave, where burial) bool {
	if where != now && q.graves.add(x) {
		return true
	}
	return (where != inGrave || x.size > q.graves.room) && q.graves.bury(x) == nil
}

// shed gives up the oldest segment that is not being shipped and returns its size, 0 if there is none. Unless forced, a
// short active segment stays: the newcomer is worth no more than it.
func (q *Queue) shed(force bool, where burial) int64 {
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
	x := grave{path: s.path, size: s.size, open: q.opened(at, active)}
	if !q.bury(x, where) {
		return 0
	}
	q.leave(at, active)
	q.forget(at)
	q.drop(ReasonShed, uint64(s.records-s.done), max(s.first.seq, q.acked+1), s.lastSeq(q.issued))
	return s.size
}

// opened are the files of a segment that are open; mu is held.
func (q *Queue) opened(at int, active bool) (files []io.Closer) {
	if active {
		files = append(files, q.active)
	}
	for _, f := range q.retired {
		if f.path == q.segments[at].path {
			files = append(files, f)
		}
	}
	if at > 0 { // the first is being read, and its file the reader's
		return files
	}
	if f, ok := q.file.(io.Closer); ok {
		files = append(files, f)
	}
	return files
}

// leave has nothing written to a segment any more, nor read from it, nor synced; mu is held.
func (q *Queue) leave(at int, active bool) {
	if active {
		q.pieces.give(q.tail)
		q.active, q.tail = nil, tail{}
	}
	q.retired = slices.DeleteFunc(q.retired, func(f *full) bool { return f.path == q.segments[at].path })
	if at == 0 {
		q.file = nil
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
