package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

var errClosed = errors.New("spool is closed")

// Queue is one class of one epoch: segment files in order of their sequence, the last one written to (the
// active one, in the current epoch), the first one read from. Any goroutine may append; one reads.
type Queue struct {
	class        Class
	instance     string
	epoch        string
	dir          string
	disk         Disk
	space        *space
	metrics      *metrics
	losses       *losses
	graves       *graves
	makeRoom     func(Class) bool // gives up records of less worth for a full disk; q.mu is held
	setAside     func(name string, v any) error
	segmentBytes int64

	mu       sync.Mutex
	segments []*segment
	active   File // of the last segment; nil: the next append begins a segment
	sealed   bool // nothing is appended any more
	issued   uint64
	written  uint64 // ordinal of the last frame
	acked    uint64
	pending  int       // records on disk that are not acknowledged
	since    time.Time // of the oldest wait: first record after none, or the latest progress

	dirty   bool
	created bool          // a segment whose folder entry is not durable yet
	flushed chan struct{} // closed when what is written by now is on the disk; nil: nobody waits
	retired []*full

	tail   tail // of the active segment
	pieces pieces

	reader
}

func newQueue(class Class, id Identity, dir string, s *Spool) *Queue {
	return &Queue{class: class, instance: id.Instance, epoch: id.Epoch, dir: dir, disk: s.settings.Disk, space: &s.space,
		metrics: s.metrics, losses: &s.losses, graves: &s.graves, makeRoom: s.makeRoom, setAside: s.SetAside,
		segmentBytes: s.settings.SegmentBytes, reader: reader{arrived: make(chan struct{}, 1)}}
}

// append gives the frame its sequence and writes it; an error leaves a hole in the sequence. Errors and
// audit get a channel that is closed when the frame is on the disk.
func (q *Queue) append(frame []byte, sum uint32) (waiting <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed {
		q.drop(ReasonClosed, 1, 0, 0)
		return nil, errClosed
	}
	q.issued++
	at := place{q.issued, q.written + 1}
	seal(frame, at, sum)
	if err := q.write(frame, at); err != nil {
		q.drop(q.reasonOf(err), 1, at.seq, at.seq)
		return nil, err
	}
	q.dirty, q.written = true, at.ordinal
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

func (q *Queue) isSealed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sealed
}

// skip issues a sequence for a record that is not kept.
func (q *Queue) skip(reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed {
		reason = ReasonClosed
	} else {
		q.issued++
	}
	q.drop(reason, 1, q.issued, q.issued)
}

// reasonOf a failed write: where there is no folder, the cause was disk trouble at the start.
func (q *Queue) reasonOf(err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return ReasonNoSpace
	}
	return reasonOf(err)
}

// Reject says that the store has refused n outstanding records for good, which are among the sequences from
// and to. They are to be acknowledged besides.
func (q *Queue) Reject(n, from, to uint64) { q.drop(ReasonRejected, n, from, to) }

// drop counts records that are not kept, which are among the sequences from and to. Whether a spool that is
// full gives up the oldest or the newest makes no difference to who misses them: one hole has one cause.
func (q *Queue) drop(reason string, n, from, to uint64) {
	q.metrics.drop(q.class, reason, int(n))
	newest := from == to && reason != ReasonShed && reason != ReasonDamaged && reason != ReasonRejected
	if reason == ReasonShed {
		reason = ReasonFull
	}
	if n > 0 && reason != ReasonClosed {
		q.losses.add(Loss{Instance: q.instance, Epoch: q.epoch, Class: q.class, From: from, To: to, Records: n, Reason: reason}, newest)
	}
}

// roomTries bounds what one record may give up of others: the room may go to somebody else.
const roomTries = 2

// write puts the frame at the end of the active segment. On a full disk records of less worth are given up
// for it.
func (q *Queue) write(frame []byte, at place) error {
	err := q.put(frame, at)
	for tries := 0; tries < roomTries && diskFull(err) && q.makeRoom(q.class); tries++ {
		err = q.put(frame, at)
	}
	return err
}

// put tries to write once. What a failed write left behind is cut off, and overwritten by the next frame in
// any case.
func (q *Queue) put(frame []byte, at place) error {
	if q.active != nil && q.last().size+int64(len(frame)) > q.segmentBytes {
		q.retire(at)
	}
	if q.active == nil {
		if err := q.begin(at); err != nil {
			return err
		}
	}
	s := q.last()
	if _, err := q.active.WriteAt(frame, s.size); err != nil {
		_ = q.active.Truncate(s.size)
		return fmt.Errorf("write segment: %w", err)
	}
	q.tail.add(frame, &q.pieces)
	s.size += int64(len(frame))
	s.records++
	return nil
}

func (q *Queue) last() *segment { return q.segments[len(q.segments)-1] }

func (q *Queue) begin(at place) error {
	path := filepath.Join(q.dir, segmentName(q.class, at))
	f, err := q.disk.Create(path)
	if err != nil {
		return fmt.Errorf("begin segment: %w", err)
	}
	q.segments = append(q.segments, &segment{path: path, first: at})
	if len(q.segments) == 1 {
		q.restart()
	}
	q.active, q.created = f, true
	q.tail = tail{}
	return nil
}

// retire ends the active segment, as the next record is at a place; the flusher syncs and closes it. An end
// that cannot be written is missed only if the segment is damaged besides.
func (q *Queue) retire(next place) {
	s := q.last()
	s.beyond = next
	end := ending(next)
	if _, err := q.active.WriteAt(end, s.size); err == nil {
		q.tail.add(end, &q.pieces)
		s.size += int64(len(end))
		q.space.used.Add(int64(len(end)))
	} else {
		q.metrics.failed("truncate", q.active.Truncate(s.size))
	}
	q.retired = append(q.retired, &full{File: q.active, path: s.path, tail: q.tail})
	q.active, q.tail = nil, tail{}
}

// seal ends appending.
func (q *Queue) seal() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active != nil {
		q.retire(place{q.issued + 1, q.written + 1})
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

// latest is the place of the last record, and what is acknowledged.
func (q *Queue) latest() (last place, acked uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return place{q.issued, q.written}, q.acked
}

// Class of the queue.
func (q *Queue) Class() Class { return q.class }
