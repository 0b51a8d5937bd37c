package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// settle turns a panic into an answer, or breaks the connection off where it is too late for one.
func (e *Edge) settle(w *writer, r *http.Request, x *exchange, fault any) {
	if fault == nil {
		return
	}
	if err, ok := fault.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		w.abort = true // in the middle of the answer
		if r.Context().Err() == nil {
			w.Cause(errors.New("the service broke its answer off"))
			w.broken = true
		} else if !x.endless() { // that is how a stream ends
			w.Cause(errors.New("the client went away"))
		}
		return
	}
	err := fmt.Errorf("panic: %v\n%s", fault, debug.Stack())
	if w.status != 0 {
		w.Cause(err)
		w.abort, w.broken = true, true
		return
	}
	refuse(w, r, err)
}

// finish measures the exchange and writes its one line.
func (e *Edge) finish(w *writer, r *http.Request, x *exchange) {
	took := time.Since(w.began)
	status, pattern := w.status, x.route.Pattern
	if status == 0 && w.abort {
		status = statusGone
	} else if status == 0 {
		status = http.StatusOK
	}
	if pattern == "" {
		pattern = "other"
	}
	e.requests.Observe(r.Context(), telemetry.Exchange{
		Method: x.method, Route: pattern, Status: status, Duration: took, Read: w.read.Load(), Written: w.written,
	})
	if !x.endless() {
		e.Edges.From(caller(r), "http").Observe(r.Context(), took, status >= 500)
	}
	e.line(w, r, x, pattern, status, took)
	e.ended(w, r, x, pattern, status, took)
	x.end(r, pattern, status)
}

// end ends the span.
func (x *exchange) end(r *http.Request, pattern string, status int) {
	span := x.arrival.Span()
	span.SetName(x.method + " " + pattern)
	if status >= 500 {
		span.SetStatus(codes.Error, http.StatusText(status)) // exports what was not sampled, with what is set from here on
	}
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("http.request.method", x.method), attribute.String("url.path", r.URL.Path), attribute.String("http.route", pattern),
			attribute.Int("http.response.status_code", status), attribute.String("client.address", x.client.String()))
	}
	span.End()
}

// caller is the node that the request came from: browsers say what they fetch for (Fetch Metadata, W3C), and have said that
// they are Mozilla since before that.
func caller(r *http.Request) string {
	if r.Header.Get("Sec-Fetch-Mode") != "" || strings.HasPrefix(r.UserAgent(), "Mozilla/") {
		return telemetry.NodeBrowser
	}
	return telemetry.NodeOutside
}

// line is the access log: the path without its query, whose values are the users' business.
func (e *Edge) line(w *writer, r *http.Request, x *exchange, pattern string, status int, took time.Duration) {
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("route", pattern), slog.String("path", r.URL.Path), slog.Int("status", status),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000), slog.Int64("bytes", w.written), slog.String("client_address", x.client.String()),
	}
	if x.known {
		attrs = append(attrs, slog.String("user_id", x.caller.Subject))
	}
	if w.cause != nil {
		attrs = append(attrs, slog.String("err", w.cause.Error()))
	}
	e.Logger.LogAttrs(r.Context(), slog.LevelInfo, "request", attrs...)
}
