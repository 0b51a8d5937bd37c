package spool

import (
	"context"
	"io"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// reader is the reading side of a queue. Its fields are guarded by the queue's mu, except for what one
// goroutine alone uses.
type reader struct {
	arrived chan struct{}
	idle    bool     // the reader waits for arrived
	reopen  bool     // a segment's file was exchanged
	pinned  bool     // the first segment is being read or shipped, and must not be shed
	from    mark     // behind all of the first segment that is acknowledged or skipped
	batch   []Record // handed out and not acknowledged yet
	to      mark     // behind the batch
	harms   []harm   // met on the way there

	// of the reading goroutine
	file   io.ReaderAt // the first segment
	cursor File
}

// mark is a point in a segment.
type mark struct {
	at     int64
	passed place
}

// BatchBytes is about the most that one batch holds.
const BatchBytes = 3 << 20

// readAgain is how long a file that cannot be opened for want of descriptors or memory is left alone.
const readAgain = time.Second

// Next waits for records behind the acknowledged ones and returns up to most of them, in order. They stay
// outstanding until Ack or Release. io.EOF: the queue is sealed and all of it is acknowledged.
func (q *Queue) Next(ctx context.Context, most int) ([]Record, error) {
	for {
		records, err := q.read(most)
		if passes(err) {
			if err := pause.For(ctx, readAgain); err != nil {
				return nil, err
			}
			continue
		}
		if len(records) > 0 || err != nil {
			return records, err
		}
		select {
		case <-q.arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// read returns nothing when there is nothing yet.
func (q *Queue) read(most int) ([]Record, error) {
	for {
		s, err := q.pin()
		if s == nil {
			return nil, err
		}
		records, w, err := q.frames(*s, most)
		if err != nil {
			q.metrics.failed("read", err)
			q.Release()
			return nil, err
		}
		if q.hand(records, w) {
			return records, nil
		}
		q.settle(q.skipped())
		q.finish()
	}
}

// pin holds the first segment if there is something to do with it: to read on, or to remove it. It returns a
// copy of the books. Waiting is announced in the same breath, so that no append is missed.
func (q *Queue) pin() (*segment, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.segments) == 0 && q.sealed {
		return nil, io.EOF
	}
	if q.reopen {
		q.reopen = false
		q.closeFile()
	}
	if len(q.segments) == 0 || q.segments[0].suspect || q.active != nil && len(q.segments) == 1 && q.from.at >= q.segments[0].size {
		q.idle = true
		return nil, nil
	}
	q.idle, q.pinned = false, true
	s := *q.segments[0]
	if s.beyond.seq == 0 {
		s.beyond = place{q.issued + 1, q.written + 1}
	}
	return &s, nil
}

func (q *Queue) wake() {
	if !q.idle {
		return
	}
	q.idle = false
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// hand makes the records the outstanding batch; false: there were none. What was lost before an earlier
// run's acknowledgement is accounted for.
func (q *Queue) hand(records []Record, w walk) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch, q.to = records, mark{w.at, w.passed}
	q.harms = nil
	for _, h := range w.harms {
		if h.to > q.acked {
			q.harms = append(q.harms, h.behind(q.acked))
		}
	}
	if len(records) == 0 {
		q.from = q.to
	}
	return len(records) > 0
}

// skipped are the harms met where no record was.
func (q *Queue) skipped() []harm {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.harmsUpTo(0)
}

// harmsUpTo takes the harms before a sequence off the list, all if the batch is done with; mu is held.
func (q *Queue) harmsUpTo(seq uint64) (harms []harm) {
	i := 0
	for i < len(q.harms) && (len(q.batch) == 0 || q.harms[i].to < seq) {
		i++
	}
	harms, q.harms = q.harms[:i:i], q.harms[i:]
	return harms
}

// Ack says that the store has committed all outstanding records up to seq.
func (q *Queue) Ack(seq uint64) {
	n, harms := q.ackUpTo(seq)
	if n == 0 {
		return
	}
	q.settle(harms)
	q.saveCursor(seq)
	if len(q.batch) == 0 {
		q.finish()
	}
}

func (q *Queue) ackUpTo(seq uint64) (n int, harms []harm) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(q.batch) && q.batch[n].Seq <= seq {
		n++
	}
	if n == 0 {
		return 0, nil
	}
	q.batch = q.batch[n:]
	q.acked, q.since = seq, time.Now()
	q.pending -= n
	q.segments[0].done += n
	if len(q.batch) == 0 {
		q.from = q.to
	}
	return n, q.harmsUpTo(seq)
}

// Release gives an outstanding batch back: Next will return what of it is not acknowledged again.
func (q *Queue) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch, q.harms, q.pinned = nil, nil, false
	q.closeFile()
}
