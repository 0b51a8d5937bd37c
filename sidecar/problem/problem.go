// Package problem is the closed set of error codes that leave a service, and their mapping to
// HTTP (RFC 9457 problem documents) and gRPC status codes, in one place.
package problem

import (
	"context"
	"errors"
)

// Code is stable: clients may switch on it.
type Code string

// The closed set.
const (
	Invalid      Code = "invalid"
	NotFound     Code = "not_found"
	Conflict     Code = "conflict"
	Unauthorized Code = "unauthorized"
	Forbidden    Code = "forbidden"
	Unavailable  Code = "unavailable"
	TooMany      Code = "too_many"
	Internal     Code = "internal"
)

// Error carries a code and a sentence fit for the caller. Err, the cause, is for the log only and
// never leaves the service.
type Error struct {
	Code   Code
	Detail string
	Fields []Field // what exactly was wrong, for Invalid
	Status int     // HTTP status where the code's own is too coarse (405, 413, 415); 0: the code's
	Err    error
}

// Field names one offending input.
type Field struct {
	Name     string `json:"name"`                                                                          // JSON pointer or parameter name
	Detail   string `json:"detail"`                                                                        // what is wrong and what would be right
	Position int    `json:"position,omitempty" doc:"The first wrong character of a text, counted from 1"`  // 0: it has none
	Shown    string `json:"shown,omitempty" doc:"The text and, in a second line, a caret under the place"` // for a monospaced font
}

// New makes an error whose detail the caller may read.
func New(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// Wrap makes an error with a cause that stays inside.
func Wrap(code Code, detail string, err error) *Error {
	return &Error{Code: code, Detail: detail, Err: err}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf finds the code of err. An error that has none is Internal, except that of a context which
// ended: whoever waited may come again, so it is Unavailable.
func CodeOf(err error) Code {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Unavailable
	default:
		return Internal
	}
}
