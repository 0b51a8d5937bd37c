package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

var (
	errSlowBody = errors.New("body slower than the slowest allowed")
	errBadBody  = errors.New("the body cannot be read") // its chunks are none, say
)

// bound refuses a body that is declared too large before a byte of it is read, cuts off one that turns
// out to be, and gives up one that comes too slowly.
func (e *Edge) bound(w *writer, r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		return problem.TooLarge(limit)
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	paced := &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w.ResponseWriter), limits: e.Limits, began: time.Now(), writer: w}
	r.Body = http.MaxBytesReader(w.ResponseWriter, paced, limit)
	return nil
}

// pacedBody gives every read a deadline, which moves with what has come: a body may pause for the
// grace and must then keep the slowest rate on average. The deadline is taken away at the end, for
// the server goes on reading in the background to notice a client that leaves.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	limits  Limits
	began   time.Time
	read    int64
	writer  *writer
}

func (b *pacedBody) Read(p []byte) (int, error) {
	due := allowed(b.began, b.read, b.limits)
	b.writer.due.Store(&due)
	_ = b.control.SetReadDeadline(due) // a test's recorder has none
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.writer.read.Store(b.read)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errSlowBody
	}
	b.writer.due.Store(nil)
	if err != nil {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("%w: %w", errBadBody, err)
	}
	return n, err
}

func (b *pacedBody) Close() error {
	_ = b.control.SetReadDeadline(time.Now().Add(b.limits.Grace)) // the server reads a little on before it answers
	return b.ReadCloser.Close()
}

// allowed is when the next byte has to be there.
func allowed(began time.Time, moved int64, l Limits) time.Time {
	return began.Add(l.Grace + time.Duration(moved)*time.Second/time.Duration(l.MinRate))
}
