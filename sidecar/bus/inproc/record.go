package inproc

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// record is an event as it lies in a file.
type record struct {
	Key      string            `json:"key"`
	Headers  map[string]string `json:"headers,omitempty"`
	Event    json.RawMessage   `json:"event"`
	Attempt  int               `json:"attempt"`
	Expires  time.Time         `json:"expires,omitzero"`
	Reason   string            `json:"reason,omitempty"` // of the last failure
	ParkedAt time.Time         `json:"parked_at,omitzero"`
}

func newRecord(m flow.Message) record {
	r := record{Key: m.Key, Headers: m.Event.Headers, Event: m.Body, Attempt: 1}
	if m.Expires > 0 {
		r.Expires = time.Now().Add(m.Expires)
	}
	return r
}

func (r record) delivery() (bus.Delivery, error) {
	e, err := bus.Decode(r.Event)
	if err != nil {
		return bus.Delivery{}, err
	}
	e.Headers = make(map[string]string, len(r.Headers))
	for k, v := range r.Headers {
		e.Headers[k] = v
	}
	return bus.Delivery{Event: e, Key: r.Key, Attempt: r.Attempt}, nil
}

func (r record) parked() (bus.Parked, error) {
	d, err := r.delivery()
	if err != nil {
		return bus.Parked{}, fmt.Errorf("read parked event: %w", err)
	}
	return bus.Parked{Delivery: d, Reason: r.Reason, ParkedAt: r.ParkedAt}, nil
}

func (r record) expired() bool { return !r.Expires.IsZero() && time.Now().After(r.Expires) }
