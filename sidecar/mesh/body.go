package mesh

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// kept is the body of a request that may be sent again: a transport closes the body of what it could not send, and may go on
// reading it when the answer is there. Safe for concurrent use.
type kept struct {
	body  io.ReadCloser // nil: there is none
	first sending       // of the first try, which is the only one of most

	mu       sync.Mutex
	turn     int  // the try whose the body is
	touched  bool // something was read
	closed   bool // by a transport
	released bool // it is not sent again
	failed   bool // to be read: who makes it is to blame, and not who gets it
}

// sending is the body as one try has it: once there is another try, it is nobody's.
type sending struct {
	*kept
	turn int
}

// errSentAgain is what a transport gets that still reads for a try that is over.
var errSentAgain = errors.New("the request is sent again")

func (k *kept) keep(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		k.body = r.Body
	}
}

// send is the body for the try that begins.
func (k *kept) send() io.ReadCloser {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.turn == 0 {
		k.first = sending{kept: k}
		return &k.first
	}
	return &sending{k, k.turn}
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	s.mu.Lock()
	if s.turn != s.kept.turn {
		s.mu.Unlock()
		return 0, errSentAgain
	}
	s.touched = true
	body := s.body
	s.mu.Unlock()
	n, err := body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.broke()
	}
	return n, err
}

func (s *sending) broke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = s.failed || s.turn == s.kept.turn && !s.released
}

// Close implements io.Closer; the body itself is closed once it is not sent again.
func (s *sending) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.turn != s.kept.turn {
		return nil
	}
	s.closed = true
	if s.released {
		return s.body.Close()
	}
	return nil
}

// release closes what a transport has closed, or will.
func (k *kept) release() {
	if k.body == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.released = true
	if k.closed {
		_ = k.body.Close()
	}
}

// broken says whether the body could not be read to its end: its sender went away, was too slow, or sent too much.
func (k *kept) broken() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed
}

// replays says whether the body can be had again.
func (k *kept) replays(r *http.Request) bool { return k.body == nil || r.GetBody != nil }

// rewind makes the body ready for another try, and says whether it is: what was not read can be sent as it is.
func (k *kept) rewind(r *http.Request) bool {
	if k.body == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = false
	k.turn++
	if !k.touched {
		return true
	}
	if r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	_ = k.body.Close()
	k.body, k.touched = body, false
	return true
}

// answer is the body of an answer, whose end is that of the call. It may be closed while it is read.
type answer struct {
	io.ReadCloser
	call  atomic.Pointer[exchange] // nil: it has ended
	ended atomic.Pointer[exchange] // the body is not closed yet
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		a.end(nil)
	} else if err != nil {
		a.end(err)
	}
	return n, err
}

// Close implements io.Closer; an answer that is not read to its end is one.
func (a *answer) Close() error {
	err := a.ReadCloser.Close()
	a.end(nil)
	if x := a.ended.Swap(nil); x != nil {
		x.recycle()
	}
	return err
}

func (a *answer) end(err error) {
	x := a.call.Swap(nil)
	if x == nil {
		return
	}
	if x.proxy == nil {
		x.observed(err)
	}
	x.end()
	if err == nil {
		a.ended.Store(x)
	}
}
