package timed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
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

// errUntold is the error of a handler that did its work, where the receipt could not be sent.
type errUntold struct {
	receipt bus.Publication
	error
}

func (e errUntold) Unwrap() error { return e.error }

func (t *Timed) receipt(ctx context.Context, a attempt) Receipt {
	r := Receipt{
		FireID: a.fire.ID, Schedule: a.fire.Schedule, Due: a.fire.Due, Attempt: a.fire.Attempt, Service: a.service, Instance: t.set.Instance,
		StartedAt: a.started.UTC(), DurationMS: time.Since(a.started).Milliseconds(),
	}
	if id := trace.SpanContextFromContext(ctx).TraceID(); id.IsValid() {
		r.TraceID = id.String()
	}
	return r
}

// publication of a receipt. Those of an end have one id, however often they are sent; the others one each.
func (t *Timed) publication(r Receipt, kind string) (bus.Publication, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return bus.Publication{}, fmt.Errorf("encode receipt: %w", err)
	}
	key := r.Service + "." + kind
	p := bus.Publication{Exchange: bus.Events, Key: key, Event: bus.Event{
		Source: "/" + t.set.Service + "/" + t.set.Instance, Type: key, Subject: r.Schedule, Time: time.Now().UTC(), Data: data,
	}}
	if kind == Completed || kind == Failed {
		p.Event.ID = r.FireID + "/" + strconv.Itoa(r.Attempt) + "/" + kind
	}
	return p, nil
}

// tell says that the handler is at work.
func (t *Timed) tell(ctx context.Context, a attempt, w word) error {
	r, kind := t.receipt(ctx, a), Received
	if w.share != nil {
		r.Progress, r.Note, kind = w.share, w.note, InProgress
	}
	p, err := t.publication(r, kind)
	if err != nil {
		return err
	}
	return t.set.Bus.Publish(ctx, p)
}

func (t *Timed) completed(ctx context.Context, a attempt) (bus.Publication, error) {
	r := t.receipt(ctx, a)
	r.Result = a.teller.resultText()
	return t.publication(r, Completed)
}

// completeIn puts the completed receipt into the handler's transaction.
func (t *Timed) completeIn(ctx context.Context, tx pg.Tx, a attempt) error {
	p, err := t.completed(ctx, a)
	if err != nil {
		return err
	}
	return t.set.Outbox.Add(ctx, tx, "", p)
}

// complete sends the completed receipt; the work is done, so that what cannot be sent is owed.
func (t *Timed) complete(ctx context.Context, a attempt) error {
	p, err := t.completed(ctx, a)
	if err != nil {
		return err
	}
	if err := t.publish(ctx, p); err != nil {
		return errUntold{p, err}
	}
	return nil
}

// fail reports a failed attempt, which ends it: what follows is the scheduler's to decide. A report that nobody takes
// is owed, and an error.
func (t *Timed) fail(ctx context.Context, a attempt, failure error) (owed *bus.Publication, err error) {
	r := t.receipt(ctx, a)
	r.Error, r.Final = shorten(failure.Error()), IsFinal(failure)
	if r.Error == "" {
		r.Error = "the handler failed and did not say why"
	}
	t.noteFailure(ctx, a, r)
	p, err := t.publication(r, Failed)
	if err != nil {
		return nil, err
	}
	if a.inTx && t.addFailed(ctx, p) == nil {
		return nil, nil
	}
	if err := t.publish(ctx, p); err != nil {
		return &p, errors.Join(failure, fmt.Errorf("report the failure: %w", err))
	}
	return nil, nil
}

// addFailed has the outbox send it, so that it is not lost with this instance.
func (t *Timed) addFailed(ctx context.Context, p bus.Publication) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiptTimeout)
	defer cancel()
	return t.set.DB.InTx(ctx, func(tx pg.Tx) error { return t.set.Outbox.Add(ctx, tx, "", p) })
}

// receiptTimeout bounds how long a receipt's sending may take.
const receiptTimeout = 5 * time.Second

// publish sends a receipt even where the handler's context is over.
func (t *Timed) publish(ctx context.Context, p bus.Publication) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiptTimeout)
	defer cancel()
	return t.set.Bus.Publish(ctx, p)
}

// noteFailure logs; it is an error when no attempt follows.
func (t *Timed) noteFailure(ctx context.Context, a attempt, r Receipt) {
	level, text := slog.LevelWarn, "timed event failed, the scheduler decides about the next attempt"
	if r.Final || a.fire.Attempts > 0 && r.Attempt >= a.fire.Attempts {
		level, text = slog.LevelError, "timed event failed"
	}
	t.set.Logger.Log(ctx, level, text, slog.String("schedule", r.Schedule), slog.String("fire", r.FireID),
		slog.Int("attempt", r.Attempt), slog.String("err", r.Error))
}

func (t *Timed) transactional() bool { return t.set.DB != nil && t.set.Outbox != nil }

func shorten(s string) string { return shortenTo(s, maxError) }

// shortenTo makes a text fit for every store: bounded, valid UTF-8, without NUL.
func shortenTo(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
