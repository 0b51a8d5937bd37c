package timed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// inboxSource keys the inbox by fire: a fire published again, be it by another scheduler or as a further attempt, is
// still the same fire.
const inboxSource = "fire"

// maxInterrupted is how often the bus delivers an attempt again that stops interrupted; one time more, and the attempt
// has failed: the bus would park it.
const maxInterrupted = 4

// idleSlack is what a handler's transaction may be idle for beyond the deadline, which ends it in good order.
const idleSlack = 10 * time.Second

// attempt is one attempt of one fire at its handler here.
type attempt struct {
	work
	fire    Fire
	started time.Time
	teller  *teller
}

// The outcomes of an attempt; a label.
const (
	outcomeDone        = "done"
	outcomeDuplicate   = "duplicate"   // its effect, or its failure, was there already
	outcomeFailed      = "failed"      // the handler's error
	outcomeDeadline    = "deadline"    //
	outcomeCancelled   = "cancelled"   //
	outcomeInterrupted = "interrupted" // this instance stops; the bus delivers it again
	outcomeOver        = "over"        // nobody waited for it any more
)

// deliver is the bus handler: nil when what became of the fire is told, or needs no telling.
func (t *Timed) deliver(find finder) bus.Handler {
	return func(ctx context.Context, d bus.Delivery) error {
		f, err := decode(d)
		if err != nil {
			return bus.Park(err)
		}
		ctx, span := t.startSpan(ctx, d, f)
		defer span.End()
		began := time.Now()
		t.metrics.begin(f, began)
		outcome, err := t.take(ctx, find, f, d.Attempt)
		t.metrics.end(f, began, outcome)
		endSpan(span, outcome)
		t.set.Failures.Ended(ctx, outcome == outcomeFailed || outcome == outcomeDeadline, 0, func() string { return "timed event " + f.Schedule + ": " + outcome })
		return err
	}
}

func decode(d bus.Delivery) (Fire, error) {
	var f Fire
	if err := json.Unmarshal(d.Data, &f); err != nil {
		return Fire{}, fmt.Errorf("event %s is no fire: %w", d.ID, err)
	}
	if f.ID == "" || f.Schedule == "" {
		return Fire{}, fmt.Errorf("event %s is no fire: without id or schedule", d.ID)
	}
	f.Attempt = max(f.Attempt, 1)
	return f, nil
}

// take runs the attempt unless it has ended here before.
func (t *Timed) take(ctx context.Context, find finder, f Fire, delivery int) (outcome string, err error) {
	cancellable, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e, before, err := t.memory.begin(ctx, f, cancel)
	switch {
	case err != nil:
		return outcomeInterrupted, err
	case before:
		return outcomeDuplicate, t.pay(ctx, f, e.owed)
	}
	outcome, last, err := t.run(cancellable, ctx, find, f, delivery)
	t.memory.finish(f, last)
	return outcome, err
}

// pay sends a receipt that nobody has taken yet.
func (t *Timed) pay(ctx context.Context, f Fire, owed *bus.Publication) error {
	if owed == nil {
		return nil
	}
	if err := t.publish(ctx, *owed); err != nil {
		return err
	}
	t.memory.paid(f)
	return nil
}

// run makes the attempt and tells what became of it. last is what is to be remembered of it; outer does not end with
// the fire.
func (t *Timed) run(ctx, outer context.Context, find finder, f Fire, delivery int) (outcome string, last *end, err error) {
	a := attempt{fire: f, started: time.Now()}
	a.work, err = find(ctx, f)
	if errors.Is(err, ErrOver) {
		return outcomeOver, nil, nil
	}
	duplicate := false
	if err == nil {
		duplicate, err = t.attempt(ctx, &a)
	}
	var untold errUntold
	switch {
	case errors.As(err, &untold):
		return outcomeDone, &end{attempt: f.Attempt, completed: true, owed: &untold.receipt}, err
	case err == nil && duplicate:
		return outcomeDuplicate, &end{attempt: f.Attempt, completed: true}, nil
	case err == nil:
		return outcomeDone, &end{attempt: f.Attempt, completed: true}, nil
	case outer.Err() != nil && delivery <= maxInterrupted:
		return outcomeInterrupted, nil, err
	}
	outcome, err = because(ctx, outer, err)
	owed, err := t.fail(outer, a, err)
	return outcome, &end{attempt: f.Attempt, owed: owed}, err
}

// because names what ended the attempt: what ended its context, else its own error.
func because(ctx, outer context.Context, err error) (outcome string, cause error) {
	switch {
	case errors.Is(err, ErrDeadline):
		return outcomeDeadline, ErrDeadline
	case errors.Is(context.Cause(ctx), ErrCancelled):
		return outcomeCancelled, Final(ErrCancelled)
	case outer.Err() != nil:
		return outcomeInterrupted, fmt.Errorf("interrupted, again and again, by the stop of its instance: %w", err)
	}
	return outcomeFailed, err
}

// attempt runs the handler under its deadline, in one transaction with inbox row and receipt where it gets one.
func (t *Timed) attempt(ctx context.Context, a *attempt) (duplicate bool, err error) {
	bounded, release := context.WithTimeoutCause(ctx, a.deadline, ErrDeadline)
	defer release()
	if bounded.Err() != nil { // cancelled before it began
		return false, context.Cause(bounded)
	}
	told := *a // the teller has its own
	a.teller = newTeller(bounded, a.fire.DoneWhen == DoneReceived, func(ctx context.Context, w word) error { return t.tell(ctx, told, w) })
	defer a.teller.close()
	bounded = context.WithValue(bounded, tellerKey{}, a.teller)
	if a.inTx {
		duplicate, err = t.inTx(bounded, *a)
	} else if err = t.call(bounded, nil, *a); err == nil {
		a.teller.close()
		err = t.complete(ctx, *a)
	}
	var untold errUntold
	if err != nil && !errors.As(err, &untold) && errors.Is(context.Cause(bounded), ErrDeadline) {
		err = ErrDeadline
	}
	return duplicate, err
}

func (t *Timed) inTx(ctx context.Context, a attempt) (duplicate bool, err error) {
	err = t.set.DB.InTx(ctx, func(tx pg.Tx) error {
		first, err := outbox.OnceWithin(ctx, tx, t.queue(), inboxSource, a.fire.ID, a.deadline+idleSlack)
		if duplicate = !first; err != nil || duplicate {
			return err
		}
		if err := t.call(ctx, tx, a); err != nil {
			return err
		}
		return t.completeIn(ctx, tx, a)
	})
	return duplicate && err == nil, err
}

// call is the handler with its panic turned into an error.
func (t *Timed) call(ctx context.Context, tx pg.Tx, a attempt) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.set.Logger.ErrorContext(ctx, "timed event handler panicked", slog.String("schedule", a.fire.Schedule),
				slog.String("fire", a.fire.ID), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	return a.handle(ctx, tx, a.fire)
}
