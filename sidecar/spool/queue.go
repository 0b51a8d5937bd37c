package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

var errClosed = errors.New("spool is closed")

// Queue is one class of one epoch: segment files in order of their sequence, the last one written to (the
// active one, in the current epoch), the first one read from. Any goroutine may append; one reads.
type Queue struct {
	class        Class
	dir          string
	disk         Disk
	space        *space
	metrics      *metrics
	segmentBytes int64

	mu       sync.Mutex
	segments []*segment
	active   File // of the last segment; nil: the next append begins a segment
	sealed   bool // nothing is appended any more
	issued   uint64
	acked    uint64
	pending  int       // records on disk that are not acknowledged
	since    time.Time // of the oldest wait: first record after none, or the latest progress

	dirty   bool
	created bool          // a segment whose folder entry is not durable yet
	flushed chan struct{} // closed when what is written by now is on the disk; nil: nobody waits
	retired []File        // full segments, to be synced and closed

	reader
}

// segment is one file of frames.
type segment struct {
	path    string
	size    int64
	records int // frames in it
	done    int // of them acknowledged
}

func newQueue(class Class, dir string, s *Spool) *Queue {
	return &Queue{class: class, dir: dir, disk: s.settings.Disk, space: &s.space, metrics: s.metrics,
		segmentBytes: s.settings.SegmentBytes, reader: reader{arrived: make(chan struct{}, 1)}}
}

// append gives the frame its sequence and writes it; an error leaves a hole in the sequence. Errors and
// audit get a channel that is closed when the frame is on the disk.
func (q *Queue) append(frame []byte, sum uint32) (<-chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed {
		return nil, errClosed
	}
	q.issued++
	seal(frame, q.issued, sum)
	if err := q.write(frame); err != nil {
		return nil, err
	}
	q.dirty = true
	if q.pending == 0 {
		q.since = time.Now()
	}
	q.pending++
	q.wake()
	if q.class != Error {
		return nil, nil
	}
	if q.flushed == nil {
		q.flushed = make(chan struct{})
	}
	return q.flushed, nil
}

// skip issues a sequence for a record that is not kept.
func (q *Queue) skip() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.sealed {
		q.issued++
	}
}

// write puts the frame at the end of the active segment. What a failed write left behind is cut off, and
// overwritten by the next frame in any case.
func (q *Queue) write(frame []byte) error {
	if q.active != nil && q.last().size+int64(len(frame)) > q.segmentBytes {
		q.retire()
	}
	if q.active == nil {
		if err := q.begin(); err != nil {
			return err
		}
	}
	s := q.last()
	if _, err := q.active.WriteAt(frame, s.size); err != nil {
		_ = q.active.Truncate(s.size)
		return fmt.Errorf("write segment: %w", err)
	}
	s.size += int64(len(frame))
	s.records++
	return nil
}

func (q *Queue) last() *segment { return q.segments[len(q.segments)-1] }

func (q *Queue) begin() error {
	path := filepath.Join(q.dir, segmentName(q.class, q.issued))
	f, err := q.disk.Create(path)
	if err != nil {
		return fmt.Errorf("begin segment: %w", err)
	}
	q.segments = append(q.segments, &segment{path: path})
	q.active, q.created = f, true
	return nil
}

// retire ends the active segment; the flusher syncs and closes it.
func (q *Queue) retire() {
	q.retired = append(q.retired, q.active)
	q.active = nil
}

// flush makes durable what is written, and lets go who waits for it.
func (q *Queue) flush() {
	q.mu.Lock()
	if !q.dirty && len(q.retired) == 0 {
		q.mu.Unlock()
		return
	}
	waiting, retired, active, created := q.flushed, q.retired, q.active, q.created
	q.flushed, q.retired, q.dirty, q.created = nil, nil, false, false
	q.mu.Unlock()
	if created {
		q.metrics.failed("sync_dir", q.disk.SyncDir(q.dir))
	}
	if active != nil {
		q.sync(active)
	}
	for _, f := range retired {
		q.sync(f)
		_ = f.Close()
	}
	if waiting != nil {
		close(waiting)
	}
}

// sync ignores a file that was shed meanwhile.
func (q *Queue) sync(f File) {
	if err := f.Sync(); !errors.Is(err, os.ErrClosed) {
		q.metrics.failed("sync", err)
	}
}

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
	if active {
		_ = q.active.Close()
		q.active = nil
	}
	q.forget(at)
	q.metrics.drop(q.class, ReasonShed, s.records-s.done)
	return s.size
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

// seal ends appending.
func (q *Queue) seal() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active != nil {
		q.retire()
	}
	q.sealed = true
	q.wake()
}

// State is the ledger's view of a queue.
type State struct {
	Class   Class
	Issued  uint64    // highest sequence given out, 0: none
	Acked   uint64    // highest sequence that the store has committed
	Pending int       // records on disk that are not acknowledged
	Since   time.Time // how long they wait without progress
	Closed  bool
}

// State of now.
func (q *Queue) State() State {
	q.mu.Lock()
	defer q.mu.Unlock()
	return State{Class: q.class, Issued: q.issued, Acked: q.acked, Pending: q.pending, Since: q.since, Closed: q.sealed}
}

// Class of the queue.
func (q *Queue) Class() Class { return q.class }

func segmentName(c Class, first uint64) string { return fmt.Sprintf("%s-%020d.seg", c, first) }
