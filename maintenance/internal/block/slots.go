package block

import "slices"

// slots counts the records of each minute and level.
type slots struct {
	counts map[int32]int32
	last   int32 // the slot of the records before …
	n      int32 // … which are not in counts yet
}

func (s *slots) reset() {
	if s.counts == nil {
		s.counts = map[int32]int32{}
	}
	clear(s.counts)
	s.n = 0
}

func (s *slots) add(slot int32) {
	if slot != s.last && s.n > 0 {
		s.counts[s.last] += s.n
		s.n = 0
	}
	s.last, s.n = slot, s.n+1
}

// sorted are the slots, ascending, and their counts.
func (s *slots) sorted() (all, counts []int32) {
	s.counts[s.last] += s.n
	s.n = 0
	for slot := range s.counts {
		all = append(all, slot)
	}
	slices.Sort(all)
	for _, slot := range all {
		counts = append(counts, s.counts[slot])
	}
	return all, counts
}
