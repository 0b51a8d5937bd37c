package spool

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// model is a spool over several lives, the store before which it lies, and what must be true of both.
type model struct {
	t      *testing.T
	choice *rand.Rand
	dir    string
	disk   *modelDisk
	spool  *Spool

	stored map[string]string // place in the ledger → id, as the store keeps them
	kept   map[string]life   // ids whose Append has answered that they are kept
	issued map[string]bool   // all ids
	next   int
	lives  int
	shed   int // counted in lives that are over
	other  int // dropped for other reasons
	harmed int // damaged records that were counted
	torn   int
	powers int
	holes  int  // explained
	calm   bool // no process is killed, so that nothing is missing without a cause
	trace  []string
}

// life says when a record was kept.
type life struct {
	n       int  // of which life
	durable bool // a flush has passed since
	class   Class
}

func newModel(t *testing.T, r *rand.Rand, dir string) *model {
	m := &model{t: t, choice: r, dir: dir, stored: map[string]string{}, kept: map[string]life{}, issued: map[string]bool{}}
	m.open(0)
	return m
}

// open begins a life on a sound disk; stopAt is the disk operation that ends it, 0: none.
func (m *model) open(stopAt int) {
	m.t.Helper()
	m.disk = newModelDisk(m.choice)
	m.disk.stopAt = stopAt
	s, err := Open(Settings{Dir: m.dir, Service: "catalogs", Instance: "catalogs-1", Disk: m.disk, LimitBytes: 72 << 10, SegmentBytes: 4 << 10})
	if err != nil {
		m.fatal("open: %v", err)
	}
	m.spool = s
	m.lives++
	s.Adopt()
}

func (m *model) fatal(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(m.trace, " "))
}

func (m *model) did(format string, args ...any) {
	m.trace = append(m.trace, fmt.Sprintf(format, args...))
}

func (m *model) write(c Class, n int) {
	m.did("write(%s,%d)", c, n)
	for range n {
		m.next++
		id := fmt.Sprintf("%d %s", m.next, strings.Repeat("x", m.choice.IntN(600)))
		m.issued[id] = true
		late := sum(m.t, m.spool.metrics.late) + sum(m.t, m.spool.metrics.failures)
		kept := m.spool.Append(c, frame(id))
		synctest.Wait() // what is given up is removed by then: the same seed is the same run
		if m.disk.gone() {
			return // the call has not returned
		}
		if kept {
			durable := c == Error && sum(m.t, m.spool.metrics.late)+sum(m.t, m.spool.metrics.failures) == late
			m.kept[id] = life{m.lives, durable, c}
		}
	}
}

// flush waits for as long as a record may be without being durable; what has failed is tried again once a second.
func (m *model) flush() {
	m.did("flush")
	failures := sum(m.t, m.spool.metrics.failures)
	wait := 50 * time.Millisecond
	faulty, ever := m.disk.trouble()
	if ever {
		wait += retryEvery
	}
	<-time.After(wait)
	synctest.Wait()
	if m.disk.gone() || faulty || sum(m.t, m.spool.metrics.failures) != failures {
		return
	}
	for id, l := range m.kept {
		if l.n == m.lives {
			l.durable = true
			m.kept[id] = l
		}
	}
}

// ship takes a batch of any epoch, and has it stored in full, in part, or not at all.
func (m *model) ship() {
	epochs := append(m.spool.Adopted(), m.spool.Current())
	e := epochs[m.choice.IntN(len(epochs))]
	q := e.Queues[m.choice.IntN(len(e.Queues))]
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	records, err := q.Next(gone, 1+m.choice.IntN(40))
	if err != nil {
		m.did("nothing(%s)", q.class)
		return
	}
	n := m.choice.IntN(len(records) + 1)
	m.did("ship(%s,%d of %d)", q.class, n, len(records))
	for _, r := range records[:n] {
		m.store(e, q, r)
	}
	if n > 0 && m.choice.IntN(8) > 0 { // else the answer is lost
		q.Ack(records[n-1].Seq)
	}
	if n < len(records) || m.choice.IntN(4) == 0 {
		q.Release()
	}
}

func (m *model) store(e *Epoch, q *Queue, r Record) {
	m.t.Helper()
	place, id := fmt.Sprintf("%s/%s/%d", e.Epoch, q.class, r.Seq), string(r.Line)
	if had, twice := m.stored[place]; twice && had != id {
		m.fatal("%s has two contents: %.20s and %.20s", place, had, id)
	}
	if !m.issued[id] {
		m.fatal("%s was never written: %.40q", place, id)
	}
	m.stored[place] = id
}

// account adds what this life has counted.
func (m *model) account() {
	shed, damaged := sum(m.t, m.spool.metrics.dropped, ReasonShed), sum(m.t, m.spool.metrics.dropped, ReasonDamaged)
	m.shed += shed
	m.harmed += damaged
	m.other += sum(m.t, m.spool.metrics.dropped) - shed - damaged
	m.torn += m.disk.torn
}

// kill takes the process away.
func (m *model) kill() {
	m.disk.stop()
	_ = m.spool.flusher.close(context.Background())
	m.spool.release()
	m.account()
}

func (m *model) crash(power bool) {
	m.did("crash(power %v)", power)
	m.kill()
	if power {
		m.disk.powerCut(false)
		m.powers++
		for id, l := range m.kept {
			if l.n == m.lives && !l.durable {
				delete(m.kept, id) // it may be lost
			}
		}
	}
	m.open(0)
}

func (m *model) reopen() {
	m.did("reopen")
	if err := m.spool.Close(context.Background()); err != nil {
		m.fatal("close: %v", err)
	}
	m.account()
	m.open(0)
}

// end drains everything on a sound disk and draws the balance.
func (m *model) end() {
	m.t.Helper()
	m.disk.fail(nil)
	if m.calm {
		m.reopen()
	} else {
		m.crash(false)
	}
	for _, e := range append(m.spool.Adopted(), m.spool.Current()) {
		for _, q := range e.Queues {
			last := uint64(0)
			for _, r := range drained(m.t, q) {
				if r.Seq <= last {
					m.fatal("%d after %d", r.Seq, last)
				}
				last = r.Seq
				m.store(e, q, r)
			}
			if pending := q.State().Pending; pending != 0 {
				m.fatal("%s: %d pending in the end", q.class, pending)
			}
			if m.calm {
				m.explained(e, q)
			}
		}
		if e != m.spool.Current() {
			if err := e.Remove(); err != nil {
				m.fatal("%v", err)
			}
		}
	}
	if used := m.spool.space.used.Load(); used != 0 {
		m.fatal("%d bytes left in the books", used)
	}
	m.kill()
	there := map[string]bool{}
	for _, id := range m.stored {
		there[id] = true
	}
	lost := 0
	for id, l := range m.kept {
		if !there[id] {
			if lost++; l.class == Error {
				m.fatal("an error is lost: %.20s", id)
			}
		}
	}
	if lost > m.shed || m.powers == 0 && m.harmed > m.torn {
		m.fatal("%d records are lost without being known: %d shed, %d damaged by %d torn writes", lost, m.shed, m.harmed, m.torn)
	}
}

// memoryDir is an instance's folder in memory where there is such a place: what the disk does is the model's
// business, and the real one only takes time.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool-test-")
	if err != nil {
		return instanceDir(t)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "catalogs", "catalogs-1")
}

// explained looks for the cause of each hole that the store sees in a class.
func (m *model) explained(e *Epoch, q *Queue) {
	m.t.Helper()
	missing, told := 0, 0
	for seq := uint64(1); seq <= q.State().Issued; seq++ {
		if _, there := m.stored[fmt.Sprintf("%s/%s/%d", e.Epoch, q.class, seq)]; there {
			continue
		}
		missing++
		if !slices.ContainsFunc(m.spool.losses.all, func(l Loss) bool {
			return l.Epoch == e.Epoch && l.Class == q.class && l.From <= seq && seq <= l.To
		}) {
			m.fatal("%s/%s/%d is missing without a cause: %v", e.Epoch, q.class, seq, m.spool.losses.all)
		}
	}
	for _, l := range m.spool.losses.all {
		if l.Epoch == e.Epoch && l.Class == q.class {
			told += int(l.Records)
		}
	}
	if told < missing {
		m.fatal("%s/%s: %d missing, %d told", e.Epoch, q.class, missing, told)
	}
	m.holes += missing
}
