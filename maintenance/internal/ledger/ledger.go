// Package ledger decides what becomes of the sequence numbers of one stream: stored once, refused as a
// duplicate, or known to be missing. Its law: after any batches in any order, every number up to
// StoredTo is either stored exactly once or lies in exactly one gap.
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
// to be taken can touch.
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
	s.StoredTo, s.LastTS = seq, ts
	return true
}

// Refuse notes that the number came and is not stored.
func (s *State) Refuse(seq uint64, ts time.Time, cause string) {
	if seq <= s.StoredTo {
		return
	}
	s.reach(seq, ts)
	s.StoredTo = seq
	if n := len(s.Gaps); n > 0 && s.Gaps[n-1].Cause == cause && s.Gaps[n-1].To == seq-1 && s.Gaps[n-1].ID == 0 {
		s.Gaps[n-1].To, s.Gaps[n-1].ToTS = seq, ts
		return
	}
	s.Gaps = append(s.Gaps, Gap{From: seq, To: seq, FromTS: ts, ToTS: ts, Cause: cause})
}

// reach opens a gap when seq is not the next one.
func (s *State) reach(seq uint64, ts time.Time) {
	if seq > s.StoredTo+1 {
		s.Gaps = append(s.Gaps, Gap{From: s.StoredTo + 1, To: seq - 1, FromTS: s.LastTS, ToTS: ts, Cause: Missing})
	}
}

// fill takes a late number out of its gap; false when it lies in none.
func (s *State) fill(seq uint64) bool {
	for i, g := range s.Gaps {
		if seq < g.From || seq > g.To || g.Cause == Expired {
			continue
		}
		if g.ID != 0 {
			s.Closed = append(s.Closed, g.ID)
			g.ID = 0
		}
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
