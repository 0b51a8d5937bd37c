package spool

import "sync/atomic"

// space is the room on disk that all queues share.
type space struct {
	limit int64
	used  atomic.Int64
	shed  func(Class) int64 // frees a segment and returns its size, 0: nothing to free
}

// tight says that not much more than so many bytes are free for all but errors.
func (s *space) tight(n int64) bool { return s.used.Load()+n > s.limit-s.limit/10 }

// reserve takes n bytes for a frame of the class, if besides so many are free. The last tenth is for errors alone.
func (s *space) reserve(c Class, n, besides int64) bool {
	limit := s.limit - besides
	if c != Error {
		limit -= s.limit / 10
	}
	for s.used.Add(n) > limit {
		s.used.Add(-n)
		freed := s.shed(c)
		if freed == 0 {
			return false
		}
		s.used.Add(-freed)
	}
	return true
}
