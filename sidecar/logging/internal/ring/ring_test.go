package ring

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model says plainly what a ring is: traces by age, each a list of lines, with what its blocks take.
type model struct {
	limit         int64
	keep          time.Duration
	traces        []*modelled // the oldest first
	taken         []Chain
	takenBlocks   int64
	kept, evicted uint64
}

type modelled struct {
	id    ID
	lines []modelLine
	start int64 // in its first block
	until time.Duration
}

type modelLine struct {
	text []byte
	size int64
	kept time.Duration
	at   int64
}

func (t *modelled) bytes() (n int64) {
	for _, l := range t.lines {
		n += l.size
	}
	return n
}

func (t *modelled) blocks() int64 {
	if len(t.lines) == 0 {
		return 0
	}
	return blocksOf(t.start + t.bytes())
}

func (t *modelled) with(size int64) int64 {
	if len(t.lines) == 0 {
		return blocksOf(size)
	}
	return blocksOf(t.start + t.bytes() + size)
}

func (m *model) used() (n int64) {
	n = m.takenBlocks * blockSize
	for _, t := range m.traces {
		n += entry + t.blocks()*blockSize
	}
	return n
}

func (m *model) find(id ID) *modelled {
	for _, t := range m.traces {
		if t.id == id {
			return t
		}
	}
	return nil
}

// drop removes the first line of a trace.
func (m *model) drop(t *modelled) {
	t.start = (t.start + t.lines[0].size) % room
	t.lines = t.lines[1:]
	if len(t.lines) == 0 {
		t.start = 0
	}
	m.evicted++
}

func (m *model) age(t *modelled, now time.Duration) {
	for len(t.lines) > 0 && now-t.lines[0].kept > m.keep {
		m.drop(t)
	}
}

// tidy removes the traces of which there is nothing to know.
func (m *model) tidy() {
	var left []*modelled
	for _, t := range m.traces {
		if len(t.lines) > 0 || t.until != 0 {
			left = append(left, t)
		}
	}
	m.traces = left
}

func (m *model) oldestGoes() {
	m.evicted += uint64(len(m.traces[0].lines))
	m.traces = m.traces[1:]
}

func (m *model) put(id ID, text []byte, at int64, now time.Duration) bool {
	m.kept++
	size := int64(header + len(text))
	most := m.limit/4 - entry
	if t := m.find(id); t != nil {
		for len(t.lines) > 0 && (now-t.lines[0].kept > m.keep || t.with(size)*blockSize > most) {
			m.drop(t)
		}
	}
	if blocksOf(size)*blockSize > most {
		m.evicted++
		m.tidy()
		return false
	}
	for {
		need := entry + blocksOf(size)*blockSize
		if t := m.find(id); t != nil {
			need = (t.with(size) - t.blocks()) * blockSize
		}
		if m.used()+need <= m.limit {
			break
		}
		if len(m.traces) == 0 {
			m.evicted++
			return false
		}
		m.oldestGoes()
	}
	t := m.find(id)
	if t == nil {
		t = &modelled{id: id}
		m.traces = append(m.traces, t)
	}
	t.lines = append(t.lines, modelLine{text, size, now, at})
	return true
}

// reachable counts what the ring really holds.
func reachable(r *Ring, taken []Chain) (n int64) {
	count := func(b *block) {
		for ; b != nil; b = b.next {
			n += blockSize
		}
	}
	for t := r.oldest; t != nil; t = t.next {
		n += entry
		count(t.chain.head)
	}
	count(r.spare)
	for _, c := range taken {
		count(c.head)
	}
	return n
}

// TestAgainstModel: random operations on a ring and on the model of one give the same lines, counts and memory, which
// never passes its bound.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, m := New(), &model{}
		var now time.Duration
		limit := func() {
			m.limit, m.keep = rapid.Int64Range(0, 64<<10).Draw(t, "limit"), time.Duration(rapid.IntRange(1, 50).Draw(t, "keep"))
			r.Limit(m.limit, m.keep)
			for m.used() > m.limit && len(m.traces) > 0 {
				m.oldestGoes()
			}
		}
		limit()
		id := func() ID { return ID{rapid.ByteRange(1, 6).Draw(t, "trace")} }
		same := func(op string) {
			kept, evicted := r.Counts()
			if kept != m.kept || evicted != m.evicted || r.used != m.used() || len(r.traces) != len(m.traces) {
				t.Fatalf("%s: kept %d evicted %d, %d bytes, %d traces; the model has %d, %d, %d, %d", op, kept, evicted, r.used, len(r.traces), m.kept, m.evicted, m.used(), len(m.traces))
			}
			if real := reachable(r, m.taken); real != r.Held() {
				t.Fatalf("%s: %d bytes are held, and %d are said to be", op, real, r.Held())
			}
			if r.Held() > max(m.limit, m.takenBlocks*blockSize) {
				t.Fatalf("%s: %d bytes are above the bound of %d", op, r.Held(), m.limit)
			}
		}
		for range rapid.IntRange(1, 120).Draw(t, "ops") {
			now += time.Duration(rapid.IntRange(0, 3).Draw(t, "time"))
			switch op := rapid.SampledFrom([]string{"put", "put", "put", "put", "put", "put", "take", "free", "open", "expire", "limit", "clear"}).Draw(t, "op"); op {
			case "put":
				one, at := id(), rapid.Int64Range(0, 50).Draw(t, "at")
				text := bytes.Repeat([]byte{rapid.Byte().Draw(t, "text")}, rapid.SampledFrom([]int{0, 1, 300, 994, 995, 996, 2500, 9000, 20000}).Draw(t, "size"))
				if got, want := r.Put(one, Line{At: at, Class: 2, Text: text}, now), m.put(one, text, at, now); got != want {
					t.Fatalf("put: %v, the model says %v", got, want)
				}
			case "take":
				take(t, r, m, id(), now)
			case "free":
				if len(m.taken) > 0 {
					m.takenBlocks -= m.taken[0].blocks
					r.Free(m.taken[0])
					m.taken = m.taken[1:]
				}
			case "open":
				open(r, m, id(), now+5)
			case "expire":
				r.Expire(now)
				for _, one := range m.traces {
					m.age(one, now)
					if now >= one.until {
						one.until = 0
					}
				}
				m.tidy()
			case "limit":
				limit()
			case "clear":
				r.Clear()
				for len(m.traces) > 0 {
					m.oldestGoes()
				}
			}
			same("operation")
			for i := range byte(7) {
				one := m.find(ID{i})
				if want := one != nil && now < one.until; r.IsOpen(ID{i}, now) != want {
					t.Fatalf("trace %d is open: %v", i, !want)
				}
			}
		}
	})
}

func open(r *Ring, m *model, id ID, until time.Duration) {
	r.Open(id, until)
	for m.find(id) == nil {
		if m.used()+entry <= m.limit {
			m.traces = append(m.traces, &modelled{id: id})
		} else if len(m.traces) > 0 {
			m.oldestGoes()
		} else {
			return
		}
	}
	m.find(id).until = until
}

// take compares what is taken, in the order of time.
func take(t *rapid.T, r *Ring, m *model, id ID, now time.Duration) {
	chain := r.Take(id, now)
	one := m.find(id)
	if one == nil {
		one = &modelled{}
	}
	m.age(one, now)
	var want, got []string
	for at := int64(0); at <= 50; at++ {
		for _, l := range one.lines {
			if l.at == at {
				want = append(want, fmt.Sprint(at, len(l.text), l.text))
			}
		}
	}
	for _, p := range chain.ByTime() {
		text := p.Append(nil)
		got = append(got, fmt.Sprint(p.At, len(text), text))
		if p.Class != 2 {
			t.Fatalf("class %d", p.Class)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%d lines, the model has %d", len(got), len(want))
	}
	m.takenBlocks += one.blocks()
	m.taken = append(m.taken, chain)
	one.lines, one.start = nil, 0
	m.tidy()
}

// TestSteadyStateAllocatesNothing but a trace's entry.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	r := New()
	r.Limit(256<<10, time.Hour)
	text := make([]byte, 400)
	n := byte(0)
	put := func() {
		n++
		for range 20 {
			r.Put(ID{n}, Line{Text: text}, 0)
		}
	}
	for range 100 {
		put()
	}
	if allocs := testing.AllocsPerRun(500, put); allocs > 2 {
		t.Errorf("%v allocations for 20 lines of a new trace", allocs)
	}
}
