package mesh

import (
	"io"
	"net/http"
	"sync"
)

// kept is the body of a request that may be sent again: a transport closes the body of what it could not send. Safe for
// concurrent use, as a transport may still read when the answer is there.
type kept struct {
	io.ReadCloser // nil: there is no body

	mu       sync.Mutex
	touched  bool // something was read
	closed   bool // by a transport
	released bool // it is not sent again
}

func (k *kept) keep(r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		k.ReadCloser = r.Body
	}
}

func (k *kept) Read(p []byte) (int, error) {
	k.mu.Lock()
	k.touched = true
	body := k.ReadCloser
	k.mu.Unlock()
	return body.Read(p)
}

// Close implements io.Closer; the body itself is closed once it is not sent again.
func (k *kept) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	if k.released {
		return k.ReadCloser.Close()
	}
	return nil
}

// release closes what a transport has closed, or will.
func (k *kept) release() {
	if k.ReadCloser == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.released = true
	if k.closed {
		_ = k.ReadCloser.Close()
	}
}

// replays says whether the body can be had again.
func (k *kept) replays(r *http.Request) bool { return k.ReadCloser == nil || r.GetBody != nil }

// rewind makes the body ready for another try, and says whether it is: what was not read can be sent as it is.
func (k *kept) rewind(r *http.Request) bool {
	if k.ReadCloser == nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = false
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
	_ = k.ReadCloser.Close()
	k.ReadCloser, k.touched = body, false
	return true
}
