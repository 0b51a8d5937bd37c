// Package ledger decides what becomes of the sequence numbers of one stream: stored once, refused as a
// duplicate, or known to be missing. Its law: after any batches in any order, every number up to
// StoredTo is either stored exactly once or lies in exactly one gap, and beyond it lie only gaps whose numbers
// their sender has given up.
package ledger

import "time"

// Causes of a gap that the store itself finds.
const (
	Missing = "missing"                  // a later number came first
	Expired = "older than the retention" // it came, and its place was gone
)

// Gap is a hole in a stream, both ends included. FromTS is when the last record before it happened,
// ToTS the first after it; zero when there is none.
type Gap struct {
	ID           int64 // 0: not stored yet
	From, To     uint64
	FromTS, ToTS time.Time
	Cause        string
}

// State of one stream, as locked by a transaction. Gaps must hold every stored gap that the numbers
// to be taken can touch, and all that lie beyond StoredTo.
type State struct {
	StoredTo uint64
	LastTS   time.Time
	Gaps     []Gap
	Closed   []int64 // stored gaps that are no more, or changed
}

// Take reports whether the record of this number is to be stored; false for a duplicate.
func (s *State) Take(seq uint64, ts time.Time) bool {
	if seq <= s.StoredTo {
		return s.fill(seq)
	}
	s.reach(seq, ts)
	s.fill(seq)
	s.StoredTo, s.LastTS = seq, ts
	s.advance()
	return true
}

// Refuse notes that the number came and is not stored.
func (s *State) Refuse(seq uint64, ts time.Time, cause string) {
	if seq <= s.StoredTo {
		return
	}
	s.reach(seq, ts)
	s.fill(seq)
	s.StoredTo = seq
	defer s.advance()
	if n := len(s.Gaps); n > 0 && s.Gaps[n-1].Cause == cause && s.Gaps[n-1].To == seq-1 && s.Gaps[n-1].ID == 0 {
		s.Gaps[n-1].To, s.Gaps[n-1].ToTS = seq, ts
		return
	}
	s.Gaps = append(s.Gaps, Gap{From: seq, To: seq, FromTS: ts, ToTS: ts, Cause: cause})
}

// Begin lets an unknown stream begin with this number: what came before was forgotten together with its ledger, and
// is no gap.
func (s *State) Begin(seq uint64) {
	if s.StoredTo == 0 && len(s.Gaps) == 0 && seq > 0 {
		s.StoredTo = seq - 1
	}
}

// Drop notes that the sender has given these numbers up, and why: those among them that are missing have this cause now,
// and those that were to come will be no surprise. What is stored stays stored.
func (s *State) Drop(from, to uint64, at time.Time, cause string) {
	if from == 0 || to < from {
		return
	}
	s.blame(from, to, cause)
	if to > s.StoredTo {
		for _, hole := range s.free(max(from, s.StoredTo+1), to) {
			s.Gaps = append(s.Gaps, Gap{From: hole.From, To: hole.To, FromTS: s.LastTS, ToTS: at, Cause: cause})
		}
	}
	s.advance()
}

// blame gives the missing numbers of the range a cause.
func (s *State) blame(from, to uint64, cause string) {
	var all []Gap
	for _, g := range s.Gaps {
		if g.Cause != Missing || g.To < from || g.From > to {
			all = append(all, g)
			continue
		}
		s.shut(g.ID)
		if g.From < from {
			all = append(all, Gap{0, g.From, from - 1, g.FromTS, g.ToTS, g.Cause})
		}
		all = append(all, Gap{0, max(g.From, from), min(g.To, to), g.FromTS, g.ToTS, cause})
		if g.To > to {
			all = append(all, Gap{0, to + 1, g.To, g.FromTS, g.ToTS, g.Cause})
		}
	}
	s.Gaps = all
}

// free are the parts of the range that lie in no gap.
func (s *State) free(from, to uint64) (holes []Gap) {
	for from <= to {
		next, end := to+1, to // the first gap at or behind from
		for _, g := range s.Gaps {
			if g.To >= from && g.From < next {
				next, end = g.From, g.To
			}
		}
		if next > from {
			holes = append(holes, Gap{From: from, To: min(next-1, to)})
		}
		if next > to || end == ^uint64(0) {
			return holes
		}
		from = max(from, end+1)
	}
	return holes
}

// advance steps over what was given up and comes next.
func (s *State) advance() {
	for moved := true; moved; {
		moved = false
		for _, g := range s.Gaps {
			if g.From == s.StoredTo+1 {
				s.StoredTo, moved = g.To, true
			}
		}
	}
}

// reach opens gaps for what lies between and was not given up before.
func (s *State) reach(seq uint64, ts time.Time) {
	if seq <= s.StoredTo+1 {
		return
	}
	for _, hole := range s.free(s.StoredTo+1, seq-1) {
		s.Gaps = append(s.Gaps, Gap{From: hole.From, To: hole.To, FromTS: s.LastTS, ToTS: ts, Cause: Missing})
	}
}

// fill takes a number out of its gap; false when it lies in none.
func (s *State) fill(seq uint64) bool {
	for i, g := range s.Gaps {
		if seq < g.From || seq > g.To || g.Cause == Expired {
			continue
		}
		s.shut(g.ID)
		rest := append([]Gap(nil), s.Gaps[:i]...)
		if g.From < seq {
			rest = append(rest, Gap{0, g.From, seq - 1, g.FromTS, g.ToTS, g.Cause})
		}
		if seq < g.To {
			rest = append(rest, Gap{0, seq + 1, g.To, g.FromTS, g.ToTS, g.Cause})
		}
		s.Gaps = append(rest, s.Gaps[i+1:]...)
		return true
	}
	return false
}

func (s *State) shut(id int64) {
	if id != 0 {
		s.Closed = append(s.Closed, id)
	}
}

// Opened are the gaps that must be written.
func (s *State) Opened() []Gap {
	var fresh []Gap
	for _, g := range s.Gaps {
		if g.ID == 0 {
			fresh = append(fresh, g)
		}
	}
	return fresh
}
