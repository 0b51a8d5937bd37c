package spool

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// TestL8_Model runs random sequences of operations, faults and ends of the process.
func TestL8_Model(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	runs, counts := seed.Runs(300, 10_000), map[string]int{}
	for range runs {
		choice := seed.Derive(r)
		dir := memoryDir(t)
		synctest.Test(t, func(t *testing.T) {
			m := newModel(t, choice, dir)
			m.calm = choice.IntN(4) == 0
			for range 5 + choice.IntN(40) {
				m.step()
			}
			m.end()
			for _, op := range m.trace {
				name, _, _ := strings.Cut(op, "(")
				counts[name]++
			}
			counts["shed"] += m.shed
			counts["other drops"] += m.other
			counts["stored"] += len(m.stored)
			counts["explained"] += m.holes
		})
	}
	t.Logf("METRIC model_sequences=%d limit=10000 (%v)", runs, counts)
	for _, must := range []string{"write", "flush", "ship", "crash", "reopen", "ENOSPC", "EIO", "shed", "other drops", "explained"} {
		if counts[must] == 0 {
			t.Errorf("no %s: the test shows too little", must)
		}
	}
}

func (m *model) step() {
	switch n := m.choice.IntN(100); {
	case n < 40:
		c := Class(m.choice.IntN(3))
		if m.choice.IntN(6) == 0 {
			c = Error
		}
		m.write(c, 1+m.choice.IntN(30))
	case n < 50:
		m.flush()
	case n < 78:
		m.ship()
	case n < 84 && !m.calm:
		m.crash(m.choice.IntN(2) == 0)
	case n < 88:
		m.reopen()
	case n < 91:
		m.did("ENOSPC")
		m.disk.fail(unix.ENOSPC)
	case n < 94:
		m.did("EIO")
		m.disk.fail(unix.EIO)
	default:
		m.did("sound")
		m.disk.fail(nil)
	}
}

// TestL8_EverySyscall ends the process at every operation of a life in which segments are begun, filled, shed,
// shipped and removed, by kill and by power cut.
func TestL8_EverySyscall(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	of := r.Uint64()
	last := 0
	for _, power := range []bool{false, true} {
		for stopAt := 1; stopAt == 1 || stopAt <= last; stopAt++ {
			dir := memoryDir(t)
			synctest.Test(t, func(t *testing.T) {
				m := newModel(t, seed.Of(of), dir)
				m.disk.stopAt = m.disk.ops + stopAt
				m.scripted()
				if !m.disk.gone() && stopAt <= last {
					m.fatal("operation %d of %d did not come", stopAt, last)
				}
				m.crash(power)
				m.end()
			})
			if t.Failed() {
				t.Fatalf("at operation %d, power cut %v", stopAt, power)
			}
			if last == 0 {
				last = operations(t, of)
			}
		}
	}
	t.Logf("METRIC syscall_boundaries=%d limit=0", last)
	if last < 50 {
		t.Errorf("only %d operations", last)
	}
}

// operations counts the operations of a whole life.
func operations(t *testing.T, of uint64) (ops int) {
	dir := memoryDir(t)
	synctest.Test(t, func(t *testing.T) {
		m := newModel(t, seed.Of(of), dir)
		begun := m.disk.ops
		m.scripted()
		ops = m.disk.ops - begun
		m.end()
	})
	return ops
}

func (m *model) scripted() {
	for range 3 {
		for _, c := range slices.Backward(Classes[:]) {
			m.write(c, 6)
			if m.disk.gone() {
				return
			}
		}
		m.flush()
		for range 6 {
			if m.ship(); m.disk.gone() {
				return
			}
		}
	}
}
