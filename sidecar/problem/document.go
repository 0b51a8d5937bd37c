package problem

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/trace"
)

// ContentType of a problem document (RFC 9457).
const ContentType = "application/problem+json"

// Document is what leaves the service.
type Document struct {
	Type    string  `json:"type" doc:"urn:signalbox:problem:<code>"`
	Title   string  `json:"title" doc:"HTTP status in words"`
	Status  int     `json:"status" doc:"HTTP status"`
	Detail  string  `json:"detail,omitempty" doc:"What happened, and what would be right"`
	Code    Code    `json:"code" enum:"invalid,not_found,conflict,unauthorized,forbidden,unavailable,too_many,internal" doc:"Stable code to switch on"`
	TraceID string  `json:"trace_id,omitempty" doc:"Trace of the request; quote it when asking for help"`
	Errors  []Field `json:"errors,omitempty" doc:"Which inputs were wrong"`
}

// Of makes the document of err. Of an error without a code only the fact leaves, never its text.
func Of(err error, traceID string) Document {
	e := public(err)
	status := e.Status
	if status == 0 {
		status = HTTPStatus(e.Code)
	}
	return Document{
		Type:    "urn:signalbox:problem:" + string(e.Code),
		Title:   http.StatusText(status),
		Status:  status,
		Detail:  e.Detail,
		Code:    e.Code,
		TraceID: traceID,
		Errors:  e.Fields,
	}
}

// Write answers the request with err's problem document. A 401 names the scheme, a 429 or 503 says
// when to come again unless the handler already did. The cause goes to the access log, if w is that
// of package web (it takes it by a method Cause(error)).
func Write(w http.ResponseWriter, r *http.Request, err error) {
	note(w, err)
	d := Of(err, traceID(r))
	body, merr := json.Marshal(d)
	if merr != nil { // cannot happen: plain strings only
		http.Error(w, http.StatusText(d.Status), d.Status)
		return
	}
	d.Headers(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(d.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// Headers sets what belongs to the document on an answer.
func (d Document) Headers(h http.Header) {
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case d.Status == http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="signalbox"`)
	case (d.Status == http.StatusServiceUnavailable || d.Status == http.StatusTooManyRequests) && h.Get("Retry-After") == "":
		h.Set("Retry-After", "1")
	}
}

// Err is the way back from a document that another service answered.
func (d Document) Err() *Error {
	code := d.Code
	if !known(code) {
		code = FromHTTPStatus(d.Status)
	}
	e := &Error{Code: code, Detail: d.Detail, Fields: d.Errors}
	if d.Status != HTTPStatus(code) {
		e.Status = d.Status
	}
	return e
}

// Read makes an *Error of an answer with status 400 or more. It reads at most 64 KiB of the body and
// does not close it.
func Read(resp *http.Response) *Error {
	var d Document
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil && json.Unmarshal(body, &d) == nil && known(d.Code) {
		d.Status = resp.StatusCode
		return d.Err()
	}
	code := FromHTTPStatus(resp.StatusCode)
	return &Error{Code: code, Detail: sentence(code), Err: errors.New("answered " + resp.Status)}
}

// public is the part of err that may leave.
func public(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		detail := e.Detail
		if detail == "" {
			detail = sentence(e.Code)
		}
		return &Error{Code: e.Code, Detail: detail, Fields: e.Fields, Status: e.Status}
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return TooLarge(tooLarge.Limit)
	}
	code := CodeOf(err)
	return &Error{Code: code, Detail: sentence(code)}
}

// TooLarge refuses a body above limit bytes: 413, code invalid.
func TooLarge(limit int64) *Error {
	return &Error{
		Code:   Invalid,
		Status: http.StatusRequestEntityTooLarge,
		Detail: "the body is larger than " + strconv.FormatInt(limit, 10) + " bytes",
	}
}

// sentence stands in where an error brought none that may leave.
func sentence(c Code) string {
	switch c {
	case Invalid:
		return "the request is not valid"
	case NotFound:
		return "there is no such thing"
	case Conflict:
		return "the request conflicts with the current state"
	case Unauthorized:
		return "a valid token is needed"
	case Forbidden:
		return "the caller may not do this"
	case Unavailable:
		return "not available just now; try again"
	case TooMany:
		return "too many requests; try again later"
	default:
		return "an internal error; the trace id identifies it"
	}
}

func note(w http.ResponseWriter, err error) {
	for w != nil {
		if c, ok := w.(interface{ Cause(err error) }); ok {
			c.Cause(err)
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}

func traceID(r *http.Request) string {
	if sc := trace.SpanContextFromContext(r.Context()); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
