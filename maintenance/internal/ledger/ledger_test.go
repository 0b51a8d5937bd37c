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
			if rapid.IntRange(0, 9).Draw(t, "old") == 0 {
				s.Refuse(seq, time.Time{}, Expired)
			} else if s.Take(seq, time.Time{}) {
				stored[seq]++
			}
			if rapid.Bool().Draw(t, "commit") {
				next = commit(&s, next)
			}
		}
		check(t, s, stored)
	})
}

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
	for seq := uint64(1); seq <= 31; seq++ {
		in := 0
		for _, g := range s.Gaps {
			if g.From <= seq && seq <= g.To {
				in++
			}
		}
		switch {
		case seq > s.StoredTo && stored[seq]+in != 0:
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
