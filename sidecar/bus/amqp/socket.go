package amqp

import (
	"net"
	"sync"
)

// maxGathered bytes go out at once: the broker begins with the first of many messages while the others are written.
const maxGathered = 16 << 10

// socket is the connection to the broker. The library writes each message, and each acknowledgement, by itself, and each of these
// wakes the broker; while somebody gathers, what is written goes out together. Safe for concurrent use.
type socket struct {
	net.Conn

	mu        sync.Mutex // held while it writes
	gathering int        // how many do
	waiting   []byte
}

// Write says of what is gathered that it is written. When that fails later the connection is closed, which its reader tells
// everybody.
func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gathering == 0 && len(s.waiting) == 0 {
		return s.Conn.Write(p)
	}
	s.waiting = append(s.waiting, p...)
	if s.gathering > 0 && len(s.waiting) < maxGathered {
		return len(p), nil
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// together sends what do writes, and what others write meanwhile, in as few packets as it fits in.
func (s *socket) together(do func()) {
	s.mu.Lock()
	s.gathering++
	s.mu.Unlock()
	defer s.spread()
	do()
}

func (s *socket) spread() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gathering--
	if s.gathering == 0 {
		_ = s.flush()
	}
}

// flush closes what it cannot write to: of what is lost it was said that it is written.
func (s *socket) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	_, err := s.Conn.Write(s.waiting)
	s.waiting = s.waiting[:0]
	if err != nil {
		_ = s.Conn.Close()
	}
	return err
}
