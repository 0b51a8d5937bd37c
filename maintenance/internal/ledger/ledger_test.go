package ledger

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The law of the package, over random deliveries: batches repeated, reordered, cut and partly lost.
func TestLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s State
		stored := map[uint64]int{}
		next := int64(1)
		for _, seq := range rapid.SliceOfN(rapid.Uint64Range(1, 30), 0, 60).Draw(t, "seqs") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				s.Refuse(seq, time.Time{}, Expired)
			case 1, 2:
				s.Drop(seq, seq+rapid.Uint64Range(0, 6).Draw(t, "more"), time.Time{}, dropped)
			default:
				if s.Take(seq, time.Time{}) {
					stored[seq]++
				}
			}
			check(t, s, stored)
			if rapid.Bool().Draw(t, "commit") {
				next = commit(&s, next)
			}
		}
		check(t, s, stored)
	})
}

const dropped = "spool full"

// commit gives the open gaps their ids, as a transaction does.
func commit(s *State, next int64) int64 {
	for i := range s.Gaps {
		if s.Gaps[i].ID == 0 {
			s.Gaps[i].ID = next
			next++
		}
	}
	s.Closed = nil
	return next
}

func check(t *rapid.T, s State, stored map[uint64]int) {
	for seq := uint64(1); seq <= 40; seq++ {
		in, given := 0, 0
		for _, g := range s.Gaps {
			if g.From <= seq && seq <= g.To {
				in++
				if g.Cause == dropped {
					given++
				}
			}
		}
		switch {
		case seq > s.StoredTo && (stored[seq]+in-given != 0 || given > 1):
			t.Fatalf("%d lies beyond %d: stored %d times, in %d gaps", seq, s.StoredTo, stored[seq], in)
		case seq <= s.StoredTo && stored[seq]+in != 1:
			t.Fatalf("%d: stored %d times, in %d gaps of %v", seq, stored[seq], in, s.Gaps)
		}
	}
}

func TestGapKeepsItsTimes(t *testing.T) {
	t.Parallel()
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	var s State
	s.Take(1, at(1))
	s.Take(5, at(5))
	want := []Gap{{From: 2, To: 4, FromTS: at(1), ToTS: at(5), Cause: Missing}}
	if !slices.Equal(s.Opened(), want) {
		t.Fatalf("opened %v, want %v", s.Opened(), want)
	}
	if s.Take(1, at(1)) || s.Take(5, at(5)) {
		t.Fatal("a duplicate was taken")
	}
	commit(&s, 7)
	if !s.Take(3, at(3)) || !slices.Equal(s.Closed, []int64{7}) || len(s.Opened()) != 2 {
		t.Fatalf("a late record splits its gap: closed %v, opened %v", s.Closed, s.Opened())
	}
}

func TestWhatItsSenderGaveUpHasItsCause(t *testing.T) {
	t.Parallel()
	var s State
	s.Take(10, time.Time{})
	commit(&s, 7)
	s.Drop(4, 6, time.Time{}, dropped)
	want := []Gap{{From: 1, To: 3, Cause: Missing}, {From: 4, To: 6, Cause: dropped}, {From: 7, To: 9, Cause: Missing}}
	if !slices.Equal(s.Opened(), want) || !slices.Equal(s.Closed, []int64{7}) {
		t.Fatalf("a report of what is missing splits the gap: closed %v, opened %v", s.Closed, s.Opened())
	}
	commit(&s, 8)
	s.Drop(4, 6, time.Time{}, dropped)
	s.Drop(15, 20, time.Time{}, dropped)
	s.Take(12, time.Time{})
	s.Take(14, time.Time{})
	if want := []Gap{{From: 15, To: 20, Cause: dropped}, {From: 11, To: 11, Cause: Missing}, {From: 13, To: 13, Cause: Missing}}; !slices.Equal(s.Opened(), want) || s.StoredTo != 20 {
		t.Fatalf("a report ahead of its gap: stored to %d, opened %v", s.StoredTo, s.Opened())
	}
	if !s.Take(17, time.Time{}) || s.Take(17, time.Time{}) {
		t.Fatal("what was given up and comes all the same is stored once")
	}
}

func TestAStreamWhoseLedgerWasForgottenBeginsWhereItGoesOn(t *testing.T) {
	t.Parallel()
	var s State
	s.Begin(8)
	s.Refuse(8, time.Time{}, Expired)
	if !s.Take(9, time.Time{}) || len(s.Gaps) != 1 || s.Gaps[0].From != 8 {
		t.Fatalf("%+v", s)
	}
	if s.Begin(20); s.StoredTo != 9 {
		t.Fatalf("a known stream begins anew: %+v", s)
	}
}
