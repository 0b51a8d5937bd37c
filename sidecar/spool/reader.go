package spool

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// reader is the reading side of a queue. Its fields are guarded by the queue's mu, except for what one
// goroutine alone uses.
type reader struct {
	arrived chan struct{}
	idle    bool     // the reader waits for arrived
	pinned  bool     // the first segment is being read or shipped, and must not be shed
	at      int64    // offset in the first segment behind all that is acknowledged or skipped
	batch   []Record // handed out and not acknowledged yet
	end     int64    // offset behind the batch

	// of the reading goroutine
	file   *os.File // the first segment
	cursor File
}

// batchBytes is about what one batch holds.
const batchBytes = 512 << 10

// Next waits for records behind the acknowledged ones and returns up to most of them, in order. They stay
// outstanding until Ack or Release. io.EOF: the queue is sealed and all of it is acknowledged.
func (q *Queue) Next(ctx context.Context, most int) ([]Record, error) {
	for {
		records, err := q.read(most)
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
		s, from, size, err := q.pin()
		if s == nil {
			return nil, err
		}
		if size > from {
			records, end := q.frames(s.path, from, size, most)
			if q.hand(records, end) {
				return records, nil
			}
		}
		q.finish()
	}
}

// pin holds the first segment if there is something to do with it: to read on, or to remove it. Waiting is
// announced in the same breath, so that no append is missed.
func (q *Queue) pin() (s *segment, from, size int64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.segments) == 0 && q.sealed {
		return nil, 0, 0, io.EOF
	}
	if len(q.segments) == 0 || q.active != nil && len(q.segments) == 1 && q.at >= q.segments[0].size {
		q.idle = true
		return nil, 0, 0, nil
	}
	q.idle, q.pinned = false, true
	return q.segments[0], q.at, q.segments[0].size, nil
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

// hand makes the records the outstanding batch; false: there were none.
func (q *Queue) hand(records []Record, end int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch, q.end = records, end
	if len(records) == 0 {
		q.at = end
	}
	return len(records) > 0
}

// frames reads from an offset of a segment. A file that cannot be read is taken for damaged to its end.
func (q *Queue) frames(path string, from, size int64, most int) ([]Record, int64) {
	records, n, err := q.chunk(path, from, min(size-from, MaxFrame), size-from <= MaxFrame, most)
	if n == 0 && err == nil { // the chunk begins with damage: find its end
		records, n, err = q.chunk(path, from, size-from, true, most)
	}
	if err != nil {
		q.metrics.failed("read", err)
		q.metrics.damaged.Inc()
		return nil, size
	}
	return records, from + n
}

// chunk reads frames from a part of a segment; only the last part of it may be judged to its end.
func (q *Queue) chunk(path string, from, size int64, last bool, most int) ([]Record, int64, error) {
	if q.file == nil {
		f, err := os.Open(path)
		if err != nil {
			return nil, 0, err
		}
		q.file = f
	}
	b := make([]byte, size)
	n, err := q.file.ReadAt(b, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	records, read := q.sound(b[:n], last, most)
	if last && n < len(b) && read == n { // shorter than the books say: what is missing is damage
		read = len(b)
	}
	return records, int64(read), nil
}

// sound collects what is whole in b and not acknowledged yet.
func (q *Queue) sound(b []byte, last bool, most int) (records []Record, read int) {
	for read < len(b) && len(records) < most && read < batchBytes {
		r, size := next(b[read:])
		switch {
		case size == 0 && !last:
			return records, read
		case size == 0:
			size = resync(b[read:])
			q.metrics.damaged.Inc()
		case r.Seq > q.acked:
			records = append(records, r)
		}
		read += size
	}
	return records, read
}

// Ack says that the store has committed all outstanding records up to seq.
func (q *Queue) Ack(seq uint64) {
	n := q.ackUpTo(seq)
	if n == 0 {
		return
	}
	q.saveCursor(seq)
	if len(q.batch) == 0 {
		q.finish()
	}
}

func (q *Queue) ackUpTo(seq uint64) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for n < len(q.batch) && q.batch[n].Seq <= seq {
		n++
	}
	if n == 0 {
		return 0
	}
	q.batch = q.batch[n:]
	q.acked, q.since = seq, time.Now()
	q.pending -= n
	q.segments[0].done += n
	if len(q.batch) == 0 {
		q.at = q.end
	}
	return n
}

// Release gives an outstanding batch back: Next will return what of it is not acknowledged again.
func (q *Queue) Release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.batch, q.pinned = nil, false
	q.closeFile()
}

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
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pinned = false
	q.closeFile()
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
	if q.at < s.size || active && s.size < q.segmentBytes/4 {
		q.pinned = false
		return nil
	}
	if active {
		q.retire()
	}
	return s
}

// restart is for a new first segment; mu is held.
func (q *Queue) restart() {
	q.at, q.end, q.batch = 0, 0, nil
	q.closeFile()
}

func (q *Queue) closeFile() {
	if q.file != nil {
		_ = q.file.Close()
		q.file = nil
	}
}

// closeReader releases the files of the reading side.
func (q *Queue) closeReader() {
	q.Release()
	if q.cursor != nil {
		_ = q.cursor.Close()
		q.cursor = nil
	}
}
