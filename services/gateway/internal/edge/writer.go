package edge

import (
	"net/http"
	"sync/atomic"
	"time"
)

// writer watches one answer and gives up a client that does not read it. It is used by one goroutine,
// as any ResponseWriter is.
type writer struct {
	http.ResponseWriter
	limits  Limits
	began   time.Time
	status  int // 0: nothing written
	written int64
	read    atomic.Int64              // counted by the goroutine that sends the body on
	due     atomic.Pointer[time.Time] // of the body's next byte, while one is waited for
	cause   error
	socket  atomic.Pointer[frames] // what the connection has become; nil: it is one of requests
	planned bool                   // a 5xx that is meant to be
	abort   bool                   // the connection is broken off after the log line
	broken  bool                   // and that is a failure: not the client's doing, nor how a stream ends
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Cause notes why the answer is an error; the first one stays.
func (w *writer) Cause(err error) {
	if w.cause == nil {
		w.cause = err
	}
}

// late reports whether the body's next byte is overdue. The server cancels the request when a read's
// deadline passes, before the read itself returns: to tell that from a client who left, ask the clock.
func (w *writer) late() bool {
	due := w.due.Load()
	return due != nil && !time.Now().Before(*due)
}

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.hurry() // the connection may still have the deadline of the answer before
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.hurry()
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	return n, err
}

// FlushError sends what is buffered, within the same bound.
func (w *writer) FlushError() error {
	w.hurry()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// hurry bounds the next write.
func (w *writer) hurry() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(w.limits.Reader)) // a test's recorder has none
}
