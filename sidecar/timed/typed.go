package timed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Typed is a handler that gets the schedule's payload as a P. A field that P does not have, a value of another type and
// anything behind the first value are errors, and final ones: the next attempt would have the same payload. A fire
// without payload gets P's zero value.
func Typed[P any](h func(ctx context.Context, tx pg.Tx, f Fire, payload P) error) Handler {
	return func(ctx context.Context, tx pg.Tx, f Fire) error {
		payload, err := decodePayload[P](f.Payload)
		if err != nil {
			return Final(fmt.Errorf("payload of %s: %w", f.Schedule, err))
		}
		return h(ctx, tx, f, payload)
	}
}

func decodePayload[P any](raw json.RawMessage) (p P, err error) {
	if len(raw) == 0 {
		return p, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("is no %T: %w", p, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return p, fmt.Errorf("is no %T: there is more behind it", p)
	}
	return p, nil
}

// Final marks an error of a handler after which no further attempt makes sense; bus.Park does the same here.
func Final(err error) error { return finalError{err} }

// IsFinal reports whether err was marked by Final, or by bus.Park.
func IsFinal(err error) bool {
	var f finalError
	return errors.As(err, &f) || bus.IsPark(err)
}

type finalError struct{ error }

func (f finalError) Unwrap() error { return f.error }
