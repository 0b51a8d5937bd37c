package spool

import (
	"errors"
	"os"
	"slices"
	"time"
)

// A sync that has failed says that writes are lost, and says it once: the kernel takes the pages for clean from then on,
// so that a second sync succeeds without having written anything (what PostgreSQL's people call fsyncgate). A file of
// which a sync has failed is therefore not to be trusted any more. Nothing is appended to it; what was written to it since
// its last good sync is still in memory, up to tailBytes, and goes with the rest into a new file, which takes its place
// once that is on the disk. What was too much to keep is read back from the file: frames that are not what they were
// are met as damage by the reader, and become a gap with its cause.

const (
	tailsBytes = 8 << 20 // of all segments of a queue that are still to be mended
	mendSuffix = ".mend"
)

// full is a segment that is ended, and still to be synced and closed.
type full struct {
	File
	path   string
	tail   tail
	failed bool // a sync of it has: it is to be mended
	tries  int
	next   time.Time // not earlier
}

// distrust ends the segment of which a sync has failed, if nobody did meanwhile. What is ended by now is the flush's.
func (q *Queue) distrust(f File, written tail) []*full {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active == f {
		q.retire(place{q.issued + 1, q.written + 1})
	}
	retired := q.retired
	q.retired = nil
	for _, r := range retired {
		if r.File == f {
			r.tail = written.with(r.tail, &q.pieces)
			q.suspect(r, true)
		}
	}
	return retired
}

// bound keeps the tails of a disk that stays broken from filling the memory: the oldest that were tried are given up.
func (q *Queue) bound() {
	total := 0
	for _, f := range slices.Backward(q.retired) {
		if total += f.tail.size; total > tailsBytes && f.tries > 0 {
			q.pieces.give(f.tail)
			f.tail = tail{at: f.tail.at, over: true}
		}
	}
}

// suspect keeps the reader from what may not be what was written, until it is mended or that has failed once; mu is held.
func (q *Queue) suspect(f *full, is bool) {
	f.failed = true
	for _, s := range q.segments {
		if s.path == f.path {
			s.suspect = is
		}
	}
	if !is {
		q.wake()
	}
}

// ended is true of a full segment that is on the disk, and closed by it.
func (q *Queue) ended(f *full) bool {
	if !f.failed && q.sync(f) {
		_ = f.Close()
		q.spare(f.tail)
		return true
	}
	if time.Now().Before(f.next) {
		return false
	}
	q.lockedly(func() { q.suspect(f, true) })
	_ = f.Close() // it is read by its name: a disk that stays broken must not take all descriptors of the process
	err := q.mend(f)
	q.metrics.failed("mend", err)
	q.lockedly(func() { q.suspect(f, false) }) // a disk that stays broken must not keep its records from being shipped
	f.tries, f.next = f.tries+1, time.Now().Add(retryEvery/2)
	return err == nil
}

func (q *Queue) lockedly(do func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	do()
}

// mend writes a new file of the same content, has it on the disk, and puts it in the place of the old one. One that was
// shed, or shipped to its end, needs none.
func (q *Queue) mend(f *full) error {
	b, err := q.disk.ReadFile(f.path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	fresh := f.path + mendSuffix
	err = q.copyTo(fresh, f.tail.onto(b))
	if err == nil {
		err = q.exchange(f.path, fresh)
	}
	if err != nil {
		_ = q.disk.Remove(fresh) // on a full disk its room is wanted
		return err
	}
	return q.disk.SyncDir(q.dir)
}

func (q *Queue) copyTo(path string, b []byte) error {
	f, err := q.disk.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Truncate(int64(len(b)))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// exchange the file of a segment that is still in the books. The reader opens it anew.
func (q *Queue) exchange(path, fresh string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !slices.ContainsFunc(q.segments, func(s *segment) bool { return s.path == path }) {
		return q.disk.Remove(fresh)
	}
	if err := q.disk.Rename(fresh, path); err != nil {
		return err
	}
	q.reopen = true
	return nil
}
