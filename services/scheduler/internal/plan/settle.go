package plan

import (
	"cmp"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Fire is a row of the ledger with what its end depends on.
type Fire struct {
	api.Fire
	Backoff   time.Duration // before the second attempt
	DoneWhen  string
	Overlap   string
	Tries     int // publications of this attempt that no queue took
	ExpiresAt time.Time
}

// Outcome of one receipt.
type Outcome string

// The outcomes. Ignored ones changed nothing; noted ones changed what is known of a fire, not how it stands.
const (
	Ignored    Outcome = "ignored"
	Noted      Outcome = "noted"
	InProgress Outcome = "received"
	Again      Outcome = "retry"
	Done       Outcome = "done"
	Failed     Outcome = "failed"
	Corrected  Outcome = "corrected" // it had failed for want of a receipt, and is known now to have failed otherwise
)

// Ends reports whether a fire ended by it, or ended anew.
func (o Outcome) Ends() bool { return o == Done || o == Failed || o == Corrected }

// Bounds of retries.
const (
	maxBackoff  = time.Hour
	toRepublish = time.Hour // in which a fire whose next attempt is due must be published
)

// Settle applies a receipt of that kind (timed.Completed and so on) to f. A completed one always wins. Any other of an
// attempt older than f's changes nothing, nor does one that was applied before, so order and repetition do not matter.
func (f *Fire) Settle(kind string, r timed.Receipt, now time.Time) Outcome {
	switch f.State {
	case api.Planned, api.Published, api.Received:
	case api.Done:
		return f.settleDone(kind, r)
	case api.Failed:
		return f.settleFailed(kind, r, now)
	default: // nobody can have it
		return Ignored
	}
	switch {
	case kind == timed.Completed:
		return f.complete(r, now)
	case f.stale(r):
		return Ignored
	case f.DoneWhen == timed.DonePublished: // whoever answers has got it from the broker
		return f.complete(r, now)
	case kind == timed.Failed:
		return f.fail(r, now)
	case f.DoneWhen == timed.DoneReceived:
		f.note(r)
		return f.complete(r, now)
	default:
		return f.receive(r, now)
	}
}

// stale reports that r is of an attempt which is over.
func (f *Fire) stale(r timed.Receipt) bool {
	pending := f.State == api.Planned && f.RetryAt != nil && f.Tries == 0
	return r.Attempt > 0 && r.Attempt < f.Attempt || pending && r.Attempt <= f.Attempt
}

// settleDone notes how a fire that counted as done earlier went on.
func (f *Fire) settleDone(kind string, r timed.Receipt) Outcome {
	switch {
	case f.DoneWhen == timed.DoneCompleted || f.DurationMS != nil || kind == timed.Failed:
		return Ignored
	case kind == timed.Completed:
		f.report(r)
		f.Result = r.Result
		f.DurationMS = &r.DurationMS
	default:
		f.note(r)
	}
	return Noted
}

func (f *Fire) settleFailed(kind string, r timed.Receipt, now time.Time) Outcome {
	switch {
	case kind == timed.Completed:
		return f.complete(r, now)
	case kind == timed.Failed && (f.Reason == api.ReasonNoReceipt || f.Reason == api.ReasonBrokerDown):
		f.end(api.Failed, reasonOf(r), r, now)
		return Corrected
	default:
		return Ignored
	}
}

func (f *Fire) complete(r timed.Receipt, now time.Time) Outcome {
	r.Error = ""
	f.end(api.Done, "", r, now)
	return Done
}

func (f *Fire) fail(r timed.Receipt, now time.Time) Outcome {
	attempt := max(f.Attempt, r.Attempt, 1)
	if r.Final || r.Error == timed.ErrorCancelled || attempt >= f.Attempts {
		f.end(api.Failed, reasonOf(r), r, now)
		return Failed
	}
	f.report(r)
	f.Error, f.DurationMS = r.Error, &r.DurationMS
	f.State, f.Attempt, f.Tries = api.Planned, attempt, 0
	again := now.Add(f.wait(attempt))
	f.RetryAt = &again
	if last := again.Add(toRepublish); f.ExpiresAt.Before(last) {
		f.ExpiresAt = last
	}
	return Again
}

// Expire ends f, whose time is over: it has not been handled, not been published, or not been let go. One whose next
// attempt has not come about has failed as its last one did.
func (f *Fire) Expire(paused bool, now time.Time) {
	unpublished := f.State == api.Planned && f.PublishedAt == nil
	switch {
	case f.State == api.Waiting && paused:
		f.leaveOut(api.ReasonPaused, now)
	case f.State == api.Waiting && f.Reason == api.WaitsOverlap:
		f.leaveOut(api.ReasonOverlap, now)
	case f.State == api.Waiting:
		f.leaveOut(api.ReasonTooLate, now)
	case f.State == api.Planned && f.RetryAt != nil && f.Tries == 0:
		f.State, f.Reason = api.Failed, reasonOf(timed.Receipt{Error: f.Error})
	case unpublished && f.Tries > 0:
		f.State, f.Reason = api.Failed, api.ReasonNobodyListening
	case unpublished:
		from := f.PlannedAt
		f.State, f.Reason, f.CauseFrom, f.CauseTo = api.Failed, api.ReasonBrokerDown, &from, &now
	default:
		f.State, f.Reason = api.Failed, api.ReasonNoReceipt
	}
	f.RetryAt, f.EndedAt = nil, &now
}

// leaveOut a fire that waits.
func (f *Fire) leaveOut(reason api.Reason, now time.Time) {
	f.State, f.Reason, f.Missed, f.EndedAt = api.Skipped, reason, 1, &now
}

// wait is how long after the given attempt the next one comes.
func (f *Fire) wait(attempt int) time.Duration {
	d := f.Backoff
	for range attempt - 1 {
		if d >= maxBackoff {
			break
		}
		d *= 2
	}
	return min(d, maxBackoff)
}

func (f *Fire) receive(r timed.Receipt, now time.Time) Outcome {
	f.note(r)
	f.State, f.RetryAt, f.Tries = api.Received, nil, 0
	if f.ReceivedAt == nil {
		f.ReceivedAt = &now
	}
	return InProgress
}

// note takes over how far a handler is.
func (f *Fire) note(r timed.Receipt) {
	f.report(r)
	if r.Progress != nil {
		share := min(max(*r.Progress, 0), 1)
		f.Progress, f.Note = &share, r.Note
	}
}

// report takes over who has the fire.
func (f *Fire) report(r timed.Receipt) {
	f.Attempt, f.Instance = max(f.Attempt, r.Attempt), r.Instance
	f.TraceID = cmp.Or(r.TraceID, f.TraceID)
	if !r.StartedAt.IsZero() {
		started := r.StartedAt.UTC()
		f.StartedAt = &started
	}
}

func (f *Fire) end(state api.State, reason api.Reason, r timed.Receipt, now time.Time) {
	f.report(r)
	f.State, f.Reason, f.Error, f.Result = state, reason, r.Error, r.Result
	f.CauseFrom, f.CauseTo, f.RetryAt, f.EndedAt = nil, nil, nil, &now
	if r.DurationMS > 0 || state == api.Failed || f.DoneWhen == timed.DoneCompleted {
		f.DurationMS = &r.DurationMS
	}
}

func reasonOf(r timed.Receipt) api.Reason {
	switch r.Error {
	case timed.ErrorDeadline:
		return api.ReasonDeadline
	case timed.ErrorCancelled:
		return api.ReasonCancelled
	default:
		return api.ReasonHandlerFailed
	}
}
