package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// writer watches one answer. It is the only wrapper around the server's own, is used by one goroutine
// as any ResponseWriter is, and lets Flush, Hijack and deadlines through.
type writer struct {
	http.ResponseWriter
	request   *http.Request // as the mux sees it, which leaves the pattern in it; nil before
	copied    http.Request  // the one of the chain's context
	status    int           // 0: nothing written
	written   int64
	read      int64
	cause     error // why, for the log
	replaced  bool  // the mux's own error page was replaced by a problem
	quiet     bool  // a 5xx that needs no line of its own
	gone      bool  // the client: a write failed
	telemetry bool  // the request carries telemetry: no line, no span
	tooLarge  int64 // the limit that the body went over; 0: it did not

	began   time.Time
	took    time.Duration
	method  string // as telemetry.Method has it
	traceID [1]string
	arrival trace.Arrival
	context access.Context // the chain's only one: of span, token's flow, and caller

	matched context.Context //nolint:containedctx // of the flow that a lease began further in, for the line; nil: none
	leave   func()          // ends the request's flow; nil: it is in none
}

// own finds the chain's writer.
func own(w http.ResponseWriter) *writer {
	for {
		if ours, ok := w.(*writer); ok {
			return ours
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return &writer{ResponseWriter: w}
		}
		w = u.Unwrap()
	}
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Cause notes why the answer is an error; the first one stays.
func (w *writer) Cause(err error) {
	if w.cause == nil {
		w.cause = err
	}
}

func (w *writer) WriteHeader(status int) {
	if w.replaced {
		return
	}
	if w.byMux(status) {
		w.replace(status)
		return
	}
	final := status >= 200 || status == http.StatusSwitchingProtocols
	if final && w.status != 0 {
		return // net/http would write a line about it
	}
	if final {
		if w.status = status; status >= 500 && w.left() {
			w.status = statusAborted
		}
		w.spent(status)
		if w.status >= 500 && !w.quiet {
			w.arrival.Fail() // what the handler does from here on is seen
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// left says whether the answer is that of a handler whose caller went away and which gave up for that: nobody's failure, and
// nobody reads it. A deadline that passed is another thing.
func (w *writer) left() bool {
	return errors.Is(w.cause, context.Canceled) && w.context.Context != nil && errors.Is(w.context.Err(), context.Canceled)
}

func (w *writer) Write(p []byte) (int, error) {
	if w.replaced {
		return len(p), nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.written += int64(n)
	w.gone = w.gone || err != nil
	return n, err
}

// WriteString spares a copy where the server's own writer does.
func (w *writer) WriteString(s string) (int, error) {
	if w.replaced {
		return len(s), nil
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.WriteString(w.ResponseWriter, s)
	w.written += int64(n)
	w.gone = w.gone || err != nil
	return n, err
}

// ReadFrom keeps sendfile.
func (w *writer) ReadFrom(src io.Reader) (int64, error) {
	if w.replaced {
		return io.Copy(io.Discard, src)
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := io.Copy(w.ResponseWriter, src)
	w.written += n
	return n, err
}

// Flush is for handlers that ask for an http.Flusher.
func (w *writer) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// byMux: the mux answers by itself where no pattern matched.
func (w *writer) byMux(status int) bool {
	return status >= 400 && w.status == 0 && w.request != nil && w.request.Pattern == ""
}

func (w *writer) replace(status int) {
	r := w.request
	w.request = nil // the problem passes
	problem.Write(w, r, unmatched(status, w.Header().Get("Allow")))
	w.request, w.replaced = r, true
}

func unmatched(status int, allow string) *problem.Error {
	switch status {
	case http.StatusNotFound:
		return problem.New(problem.NotFound, "there is nothing at this path")
	case http.StatusMethodNotAllowed:
		return &problem.Error{Code: problem.Invalid, Status: status, Detail: "the method is not allowed here; allowed: " + allow}
	default:
		return &problem.Error{Code: problem.FromHTTPStatus(status), Status: status}
	}
}

// body counts what is read of a request's body, and notes when it goes over its limit: not every
// reader passes that error on.
type body struct {
	io.ReadCloser
	w *writer
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.w.read += int64(n)
	var tooLarge *http.MaxBytesError
	if err != nil && errors.As(err, &tooLarge) {
		b.w.tooLarge = tooLarge.Limit
	}
	return n, err
}
