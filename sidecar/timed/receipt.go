package timed

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// What a handler tells of a fire; a receipt's type and key on bus.Events is "<service>." and one of them.
const (
	Received   = "fire.received"  // it has been at work for a second; at once where the fire is done when received
	InProgress = "fire.progress"  // it is at work still, and how far it is
	Completed  = "fire.completed" // it has ended well
	Failed     = "fire.failed"    // this attempt has ended, and not well
)

// A receipt's error when the handler did not end within its deadline, and when it was told to end.
const (
	ErrorDeadline  = "deadline"
	ErrorCancelled = "cancelled"
)

// EventCancel on bus.Control tells the instance that runs a fire to end it. Its data is a Cancel.
const EventCancel = "signalbox.fire.cancel"

// Cancel names the fire that is to end, and why.
type Cancel struct {
	FireID string `json:"fire_id"`
	Reason string `json:"reason,omitempty"`
}

const maxError = 2000 // characters of a handler's error, or its result, in its receipt

// Receipt is the data of a receipt event: what became of one attempt of one fire at its handler.
type Receipt struct {
	FireID     string    `json:"fire_id"`
	Schedule   string    `json:"schedule"`
	Due        time.Time `json:"due"`
	Attempt    int       `json:"attempt"`
	Service    string    `json:"service"`
	Instance   string    `json:"instance"`
	StartedAt  time.Time `json:"started_at"`
	DurationMS int64     `json:"duration_ms"`
	Error      string    `json:"error"`
	Final      bool      `json:"final,omitempty"`    // of a failed one: no further attempt makes sense
	Result     string    `json:"result,omitempty"`   // of a completed one: what the handler says of its success
	Progress   *float64  `json:"progress,omitempty"` // 0 to 1
	Note       string    `json:"note,omitempty"`     // of its progress
	TraceID    string    `json:"trace_id"`
}

// try is one try of one fire at its handler.
type try struct {
	fire    Fire
	attempt int
	started time.Time
}

func (t *Timed) receipt(ctx context.Context, r try, failure error) Receipt {
	receipt := Receipt{
		FireID: r.fire.ID, Schedule: r.fire.Schedule, Due: r.fire.Due, Attempt: r.attempt,
		Service: t.set.Service, Instance: t.set.Instance,
		StartedAt: r.started.UTC(), DurationMS: time.Since(r.started).Milliseconds(),
	}
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		receipt.TraceID = id.String()
	}
	if failure != nil {
		receipt.Error = shorten(failure.Error())
	}
	return receipt
}

func (t *Timed) publication(r Receipt, kind string) (bus.Publication, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return bus.Publication{}, fmt.Errorf("encode receipt: %w", err)
	}
	key := t.set.Service + "." + kind
	return bus.Publication{Exchange: bus.Events, Key: key, Event: bus.Event{
		ID: r.FireID + "/" + kind, Source: "/" + t.set.Service + "/" + t.set.Instance,
		Type: key, Subject: r.Schedule, Time: time.Now().UTC(), Data: data,
	}}, nil
}

// complete puts the completed receipt into the handler's transaction; without one it is published.
func (t *Timed) complete(ctx context.Context, tx pg.Tx, r try) error {
	p, err := t.publication(t.receipt(ctx, r, nil), Completed)
	if err != nil {
		return err
	}
	if tx != nil {
		return t.set.Outbox.Add(ctx, tx, "", p)
	}
	return t.set.Bus.Publish(ctx, p)
}

// fail reports a final failure. With a database at most once per fire, by an inbox row of its own, so that
// the fire itself can still be replayed.
func (t *Timed) fail(ctx context.Context, r try, failure error) error {
	p, err := t.publication(t.receipt(ctx, r, failure), Failed)
	if err != nil {
		return err
	}
	if !t.transactional() {
		return t.set.Bus.Publish(ctx, p)
	}
	return t.set.DB.InTx(ctx, func(tx pg.Tx) error {
		first, err := outbox.Once(ctx, tx, t.queue(), Failed, r.fire.ID)
		if err != nil || !first {
			return err
		}
		return t.set.Outbox.Add(ctx, tx, "", p)
	})
}

func (t *Timed) transactional() bool { return t.set.DB != nil && t.set.Outbox != nil }

// shorten makes an error's text fit for every store: bounded, valid UTF-8, without NUL.
func shorten(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if r := []rune(s); len(r) > maxError {
		return string(r[:maxError]) + "…"
	}
	return s
}
