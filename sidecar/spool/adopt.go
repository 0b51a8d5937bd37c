package spool

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Adopt takes over the epochs of this service that nobody holds: earlier runs of this instance, and those
// of siblings that are gone. It returns the new ones, oldest first; they count towards the limit until
// Remove. It may be called again, by one goroutine at a time.
func (s *Spool) Adopt() []*Epoch {
	var found []*Epoch
	for _, dir := range s.abandoned() {
		e, err := s.adopt(dir)
		if err == nil {
			found = append(found, e)
		} else if !errors.Is(err, ErrHeld) && !errors.Is(err, os.ErrNotExist) {
			s.metrics.failed("adopt", err)
		}
	}
	slices.SortFunc(found, func(a, b *Epoch) int { return cmp.Compare(a.Epoch, b.Epoch) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted = append(s.adopted, found...)
	return found
}

// abandoned lists the service's epoch folders; whether somebody holds one is for its lock to say. Half-made
// folders of this instance are removed: only its owner, who is us, makes any.
func (s *Spool) abandoned() []string {
	var dirs []string
	for _, dir := range s.entries() {
		name := filepath.Base(dir)
		switch {
		case dir == s.current.dir || strings.TrimPrefix(name, ".") == s.current.Epoch:
		case strings.HasPrefix(name, ".") && filepath.Dir(dir) == filepath.Clean(s.settings.Dir) && isEpoch(name[1:]):
			s.metrics.failed("remove", os.RemoveAll(dir))
		case isEpoch(name) && s.ours(dir):
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// entries are the paths of what lies in the folders of this service's instances.
func (s *Spool) entries() (all []string) {
	instances, err := os.ReadDir(filepath.Dir(s.settings.Dir))
	s.metrics.failed("adopt", err)
	for _, i := range instances {
		dir := filepath.Join(filepath.Dir(s.settings.Dir), i.Name())
		inside, _ := os.ReadDir(dir) // a file, or gone
		for _, entry := range inside {
			all = append(all, filepath.Join(dir, entry.Name()))
		}
	}
	return all
}

func isEpoch(name string) bool { return len(name) == 36 && uuid.Validate(name) == nil }

// ours refuses the epochs of another service, should the folders be laid out otherwise than documented.
func (s *Spool) ours(dir string) bool { return identity(dir).Service == s.settings.Service }

// identity of an epoch folder: from its file or, should that be damaged, from its path.
func identity(dir string) Identity {
	var id Identity
	text, err := os.ReadFile(filepath.Join(dir, identityName))
	if err == nil && json.Unmarshal(text, &id) == nil && id.Service != "" && id.Epoch == filepath.Base(dir) {
		return id
	}
	instance := filepath.Dir(dir)
	return Identity{Service: filepath.Base(filepath.Dir(instance)), Instance: filepath.Base(instance), Epoch: filepath.Base(dir)}
}

func (s *Spool) adopt(dir string) (*Epoch, error) {
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	e := newEpoch(s, identity(dir), filepath.Dir(dir))
	e.lock = held
	e.ready.Store(true)
	final, closed := finalSequences(dir)
	e.Closed, e.Untold = closed, final.Untold
	for _, q := range e.Queues {
		if err := q.load(final.beyond(q.class)); err != nil {
			e.disown()
			return nil, fmt.Errorf("adopt %s: %w", dir, err)
		}
	}
	s.losses.load(dir)
	return e, nil
}

// disown undoes an adoption that could not read all: what is not seen would be taken for shipped, and removed.
func (e *Epoch) disown() {
	for _, q := range e.Queues {
		for _, s := range q.segments {
			q.space.used.Add(-s.size)
		}
	}
	e.release()
}

// leave takes an epoch out of the list.
func (s *Spool) leave(e *Epoch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted = slices.DeleteFunc(s.adopted, func(a *Epoch) bool { return a == e })
}

// load takes stock of the segments of a queue that nobody writes to any more. beyond is the place behind its
// last record, zero if that is not known. An error may pass.
func (q *Queue) load(beyond place) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sealed, q.since = true, time.Now()
	q.acked = q.loadCursor()
	q.issued = q.acked
	if beyond.seq > 0 {
		q.issued, q.written = max(q.acked, beyond.seq-1), beyond.ordinal-1
	}
	files, err := os.ReadDir(q.dir) // sorted, and so by first sequence: the numbers have leading zeros
	if err != nil {
		return err
	}
	for _, f := range files {
		if first, ok := segmentStart(q.class, f.Name()); ok {
			q.segments = append(q.segments, &segment{path: filepath.Join(q.dir, f.Name()), first: first})
		}
	}
	for i, s := range q.segments {
		s.beyond = beyond
		if i+1 < len(q.segments) {
			s.beyond = q.segments[i+1].first
		}
		if err := q.stock(s); err != nil {
			return err
		}
		q.pending += s.records - s.done
		q.space.used.Add(s.size)
	}
	q.restart()
	return nil
}

// stock counts the records that a segment has or should have. Damage is met again, and accounted for, when
// the segment is shipped. The end that a full segment has written down is more certain than the start of the
// next one: what lay between may have been shed.
func (q *Queue) stock(s *segment) error {
	b, err := q.whole(s.path)
	if err != nil {
		return err
	}
	s.size = int64(len(b))
	w := walk{passed: s.before()}
	w.over(b, true, math.MaxInt, math.MaxInt, func(r Record) {
		s.records++
		if r.Seq <= q.acked {
			s.done++
		}
	})
	if w.ended {
		s.beyond = w.beyond
	}
	w.finish(s.beyond)
	s.beyond = place{w.passed.seq + 1, w.passed.ordinal + 1}
	for _, h := range w.harms {
		s.records += int(h.lost)
		s.done += int(h.lost - h.behind(q.acked).lost)
	}
	q.issued, q.written = max(q.issued, w.passed.seq), max(q.written, w.passed.ordinal)
	return nil
}

// whole reads a segment; where the file has bad places they are zero, and of a file that is gone there is nothing.
func (q *Queue) whole(path string) ([]byte, error) {
	b, err := q.disk.ReadFile(path)
	if err == nil || passes(err) {
		return b, err
	}
	q.metrics.failed("read", err)
	defer q.closeFile()
	if info, err := os.Stat(path); err == nil {
		return q.chunk(path, 0, info.Size())
	}
	return nil, nil
}
