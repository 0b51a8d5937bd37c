package timed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// inboxSource keys the inbox by fire: a fire published again by another scheduler is still the same fire.
const inboxSource = "fire"

// errDeadline is what becomes of a handler that did not end in time.
var errDeadline = errors.New(ErrorDeadline)

// deliver is the bus handler: nil when the fire's effect is done or was done before.
func (t *Timed) deliver(ctx context.Context, d bus.Delivery) error {
	f, err := decode(d)
	if err != nil {
		return bus.Park(err)
	}
	ctx, span := t.startSpan(ctx, d, f)
	defer span.End()
	r := try{fire: f, attempt: d.Attempt, started: time.Now()}
	t.metrics.late(r)
	outcome, err := t.run(ctx, r)
	t.metrics.ended(r, outcome)
	if err != nil {
		span.SetStatus(codes.Error, outcome)
	}
	return err
}

func decode(d bus.Delivery) (Fire, error) {
	var f Fire
	if err := json.Unmarshal(d.Data, &f); err != nil {
		return Fire{}, fmt.Errorf("event %s is no fire: %w", d.ID, err)
	}
	if f.ID == "" || f.Schedule == "" {
		return Fire{}, fmt.Errorf("event %s is no fire: without id or schedule", d.ID)
	}
	return f, nil
}

// run makes one try and settles what follows from it. The outcome is a label: done, duplicate, retry,
// failed, deadline or interrupted.
func (t *Timed) run(ctx context.Context, r try) (outcome string, err error) {
	duplicate, err := t.attempt(ctx, r)
	switch {
	case err == nil && duplicate:
		return "duplicate", nil
	case err == nil:
		return "done", nil
	case ctx.Err() != nil: // this instance stops; the bus delivers again
		return "interrupted", err
	case errors.Is(err, errDeadline):
		return "deadline", t.giveUp(ctx, r, err)
	case bus.IsPark(err) || r.attempt >= t.set.Attempts:
		return "failed", t.giveUp(ctx, r, err)
	default:
		return "retry", err
	}
}

// giveUp reports a final failure and parks the fire. A report that fails leaves the fire to the bus; if
// that parks it too, the scheduler notices that no receipt came.
func (t *Timed) giveUp(ctx context.Context, r try, failure error) error {
	t.set.Logger.ErrorContext(ctx, "timed event failed", slog.String("schedule", r.fire.Schedule),
		slog.String("fire", r.fire.ID), slog.Int("attempt", r.attempt), slog.Any("err", failure))
	if err := t.fail(ctx, r, failure); err != nil {
		return errors.Join(failure, fmt.Errorf("report the failure: %w", err))
	}
	return bus.Park(failure)
}

// attempt runs the handler under its deadline, in one transaction with inbox row and receipt where there
// is a database.
func (t *Timed) attempt(ctx context.Context, r try) (duplicate bool, err error) {
	e, known := t.entries[r.fire.Schedule]
	if !known {
		return false, errors.New("this release has no handler for it")
	}
	deadline := r.fire.Deadline
	if deadline <= 0 {
		deadline = e.schedule.Deadline
	}
	bounded, cancel := context.WithTimeoutCause(ctx, deadline, errDeadline)
	defer cancel()
	if t.transactional() {
		duplicate, err = t.inTx(bounded, e.handle, r)
	} else if err = t.call(bounded, nil, e.handle, r.fire); err == nil {
		err = t.complete(ctx, nil, r)
	}
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(bounded), errDeadline) {
		err = errDeadline
	}
	return duplicate, err
}

func (t *Timed) inTx(ctx context.Context, h Handler, r try) (duplicate bool, err error) {
	err = t.set.DB.InTx(ctx, func(tx pg.Tx) error {
		first, err := outbox.Once(ctx, tx, t.queue(), inboxSource, r.fire.ID)
		if duplicate = !first; err != nil || duplicate {
			return err
		}
		if err := t.call(ctx, tx, h, r.fire); err != nil {
			return err
		}
		return t.complete(ctx, tx, r)
	})
	return duplicate && err == nil, err
}

// call is the handler with its panic turned into an error.
func (t *Timed) call(ctx context.Context, tx pg.Tx, h Handler, f Fire) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.set.Logger.ErrorContext(ctx, "timed event handler panicked", slog.String("schedule", f.Schedule),
				slog.String("fire", f.ID), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	return h(ctx, tx, f)
}

// startSpan continues the trace of the fire: the bus's span where there is one, else the event's headers.
func (t *Timed) startSpan(ctx context.Context, d bus.Delivery, f Fire) (context.Context, trace.Span) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier(d.Headers))
	}
	return t.tracer.Start(ctx, "timed "+f.Schedule, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(
		attribute.String("signalbox.schedule", f.Schedule), attribute.String("signalbox.fire.id", f.ID),
		attribute.Int("signalbox.fire.attempt", d.Attempt), attribute.Bool("signalbox.fire.manual", f.Manual)))
}
