// Package bus is the contract of messaging between services. Messages are CloudEvents 1.0 (JSON,
// structured mode) with W3C trace context in the headers. Two drivers, amqp and inproc, pass one
// conformance suite (package bustest).
package bus

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// The three exchanges. Direct ("") addresses one queue by its name.
const (
	Events   = "signalbox.events"   // topic: <service>.<entity>.<past-tense verb>
	Schedule = "signalbox.schedule" // topic: timed events
	Control  = "signalbox.control"  // fanout to every instance
	Direct   = ""
)

// Event is a CloudEvents 1.0 event with a JSON body.
type Event struct {
	ID      string            `json:"id"`     // unique with Source; the inbox's key. "": a UUIDv7 is given
	Source  string            `json:"source"` // "/catalogs/catalogs-1"
	Type    string            `json:"type"`   // "catalogs.record.created"
	Subject string            `json:"subject,omitempty"`
	Time    time.Time         `json:"time"`
	Data    json.RawMessage   `json:"data"`
	Headers map[string]string `json:"-"` // traceparent, tracestate, baggage and the like
	Debug   string            `json:"-"` // token of targeted debugging; Publish takes it from its context. Handlers do not see it
}

// Publication is an event and where it goes.
type Publication struct {
	Exchange string
	Key      string
	Event    Event
	Expires  time.Duration // 0: never; control messages expire. Expired in a durable queue: parked
	Encoded  []byte        // Event as Encode wrote it, for whoever has it at hand; nil: it is encoded
	// Light is for what is repaired when it gets lost, and only of use at once: Publish returns when it is on its way, and nobody
	// is told of its loss, nor that no queue takes it.
	Light bool
}

// Delivery is one try of one event at one subscription.
type Delivery struct {
	Event
	Key     string
	Attempt int // from 1
}

// Handler returns nil when the event's effect is done. An error, or a panic, is tried again with
// backoff; Park(err) sends it to the parking place at once.
type Handler func(ctx context.Context, d Delivery) error

// Subscription binds a queue to keys of an exchange. Up to Prefetch events of a durable queue are handled at
// once, in no order; with Prefetch 1 they are handled one by one. An exclusive queue's events are handled one
// by one in their order, and each is tried once: nothing of it is kept, so nothing is retried or parked.
// Keys add to what the queue is bound to already.
type Subscription struct {
	Queue     string   // durable: "<service>.<purpose>"; the same queue on several instances shares the work
	Exchange  string   // Events, Schedule, Control; Direct: reached by the queue's name only
	Keys      []string // topic patterns: * one word, # any
	Exclusive bool     // per instance, gone with its connection: what was sent meanwhile is missed
	Prefetch  int      // 0: 20
	Handler   Handler
}

// Errors of Publish.
var (
	ErrUnroutable = errors.New("no queue takes this key")            // nobody has it, nothing is stored
	ErrTooLarge   = errors.New("message is larger than 1 MiB")       // refused before the broker
	ErrClosed     = errors.New("bus is closed")                      //
	ErrNotTaken   = errors.New("broker did not take responsibility") // nack, connection lost: publish again with the same ID
)

// Bus is safe for concurrent use.
type Bus interface {
	// Publish returns nil after responsibility was taken (publisher confirm), within ctx's deadline
	// (or 5 s where it has none).
	Publish(ctx context.Context, p Publication) error
	// Subscribe declares the queue and starts handling; it is re-established after any reconnection.
	// Returns after the broker confirmed it, or once the attempt was handed to the reconnection loop.
	// The returned stop ends deliveries, waits for handlers in flight (ctx bounds it) and keeps a durable queue.
	Subscribe(ctx context.Context, s Subscription) (stop func(ctx context.Context) error, err error)
	// Ready is nil when connected and not blocked by the broker, and every subscription stands; when only the
	// latter fails, the error is ErrNotConsuming and Publish still works.
	Ready() error
	// Parked lists what a queue's parking place holds, oldest first, at most max; Replay puts the named ones
	// (none named: all) back into the queue, as if never tried, and says how many.
	Parked(ctx context.Context, queue string, max int) ([]Parked, error)
	Replay(ctx context.Context, queue string, ids ...string) (int, error)
	// Close ends deliveries, waits for handlers in flight (ctx bounds it) and disconnects. Idempotent.
	Close(ctx context.Context) error
}

// Batcher is a Bus to which many publications are cheaper together.
type Batcher interface {
	// PublishAll is Publish of each, side by side: they are on their way in their order, and within one deadline. ended is told of
	// each, not concurrently, as soon as it is known; PublishAll returns when all have ended. Light has no meaning here.
	PublishAll(ctx context.Context, all []Publication, ended func(i int, err error))
}

// Parked is a message that was given up, and why.
type Parked struct {
	Delivery
	Reason   string
	ParkedAt time.Time
}

// Park marks an error as not worth another try.
func Park(err error) error { return parkError{err} }

// IsPark reports whether the handler gave the message up.
func IsPark(err error) bool {
	var p parkError
	return errors.As(err, &p)
}

type parkError struct{ error }

func (p parkError) Unwrap() error { return p.error }
