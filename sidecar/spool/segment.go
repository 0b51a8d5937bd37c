package spool

import "fmt"

// segment is one file of frames.
type segment struct {
	path    string
	size    int64
	first   place // of its first record
	beyond  place // behind its last record; zero if that is not known
	records int   // in it, damaged ones included
	done    int   // of them acknowledged, or known to be lost
	suspect bool  // a sync has failed, and it is being mended: not to be read
}

// before is the place in front of the first record.
func (s *segment) before() place { return place{s.first.seq - 1, s.first.ordinal - 1} }

// lastSeq is that of the segment's last record; the queue's if it ends with this segment.
func (s *segment) lastSeq(issued uint64) uint64 {
	if s.beyond.seq > 0 {
		return s.beyond.seq - 1
	}
	return issued
}

// segmentName is by the first record; the names of a class sort as the records do.
func segmentName(c Class, first place) string {
	return fmt.Sprintf("%s-%020d-%020d.seg", c, first.seq, first.ordinal)
}

// segmentStart reads such a name; ok is false for any other file.
func segmentStart(c Class, name string) (first place, ok bool) {
	n, err := fmt.Sscanf(name, c.String()+"-%d-%d.seg", &first.seq, &first.ordinal)
	return first, err == nil && n == 2 && name == segmentName(c, first) && first.seq > 0 && first.ordinal > 0
}
