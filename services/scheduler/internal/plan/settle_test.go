package plan_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

type sent struct {
	kind    string
	receipt timed.Receipt
}

// Receipts of a fire come in any order and any number of times. Whatever comes: a completed one is the end, once; a
// failure is the end, or makes the fire due again once, after its backoff; no attempt follows the last; what has ended
// is not at work again.
func TestReceiptsInAnyOrderAndAnyNumber(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.IntRange(1, 4).Draw(t, "attempts")
		f := plan.Fire{Fire: api.Fire{State: api.Published, Attempt: 1, Attempts: attempts}, Backoff: time.Second,
			DoneWhen: rapid.SampledFrom([]string{timed.DoneCompleted, timed.DoneReceived, timed.DonePublished}).Draw(t, "done when"), ExpiresAt: start.Add(time.Hour)}
		now, again, completed := start, 0, false
		var before []sent
		for range rapid.IntRange(1, 20).Draw(t, "receipts") {
			now = now.Add(time.Second)
			if f.RetryAt != nil && rapid.Bool().Draw(t, "republish") { // as the planner does
				f.State, f.RetryAt, f.Attempt, f.Tries = api.Planned, nil, f.Attempt+1, 0
			}
			r := sent{rapid.SampledFrom([]string{timed.Received, timed.InProgress, timed.Failed, timed.Failed, timed.Completed}).Draw(t, "kind"),
				timed.Receipt{Attempt: rapid.IntRange(1, f.Attempt).Draw(t, "attempt"), Final: rapid.IntRange(0, 9).Draw(t, "final") == 0}}
			if len(before) > 0 && rapid.Bool().Draw(t, "repeated") {
				r = rapid.SampledFrom(before).Draw(t, "which")
			}
			if r.kind == timed.Failed {
				r.receipt.Error = "no money"
			}
			before = append(before, r)
			was := f
			outcome := f.Settle(r.kind, r.receipt, now)
			completed = completed || r.kind == timed.Completed
			switch {
			case outcome == plan.Ignored && f != was:
				t.Fatalf("ignored %+v, and %+v is %+v", r, was, f)
			case outcome == plan.Again:
				again++
				if f.RetryAt == nil || !f.RetryAt.Equal(now.Add(time.Second<<(f.Attempt-1))) || f.State != api.Planned || !f.ExpiresAt.After(*f.RetryAt) {
					t.Fatalf("due again %+v", f)
				}
			case was.EndedAt != nil && f.EndedAt == nil:
				t.Fatalf("%+v was the end, and %+v is not", was, f)
			case was.State == api.Done && f.State != api.Done:
				t.Fatalf("done, and then %s", f.State)
			}
			if (f.EndedAt != nil) != (f.State == api.Done || f.State == api.Failed) || f.EndedAt != nil && f.RetryAt != nil {
				t.Fatalf("%+v", f)
			}
			if completed && f.State != api.Done {
				t.Fatalf("completed, and %s", f.State)
			}
		}
		if again >= attempts {
			t.Fatalf("due again %d times, of %d attempts", again, attempts)
		}
	})
}

func TestEndsOfItsTime(t *testing.T) {
	t.Parallel()
	published := start
	for _, c := range []struct {
		name   string
		f      api.Fire
		tries  int
		paused bool
		state  api.State
		reason api.Reason
	}{
		{"not heard of", api.Fire{State: api.Received, PublishedAt: &published}, 0, false, api.Failed, api.ReasonNoReceipt},
		{"never taken by the broker", api.Fire{State: api.Planned, PlannedAt: start}, 0, false, api.Failed, api.ReasonBrokerDown},
		{"taken by nobody", api.Fire{State: api.Planned}, 1, false, api.Failed, api.ReasonNobodyListening},
		{"its next attempt not published", api.Fire{State: api.Planned, PublishedAt: &published, RetryAt: &published, Error: "no money"}, 0, false, api.Failed, api.ReasonHandlerFailed},
		{"its next attempt not published, after the deadline", api.Fire{State: api.Planned, RetryAt: &published, Error: timed.ErrorDeadline}, 0, false, api.Failed, api.ReasonDeadline},
		{"buffered", api.Fire{State: api.Waiting, Reason: api.WaitsOverlap}, 0, false, api.Skipped, api.ReasonOverlap},
		{"catching up", api.Fire{State: api.Waiting, Reason: api.WaitsCatchUp}, 0, false, api.Skipped, api.ReasonTooLate},
		{"paused meanwhile", api.Fire{State: api.Waiting, Reason: api.WaitsCatchUp}, 0, true, api.Skipped, api.ReasonPaused},
	} {
		f := plan.Fire{Fire: c.f, Tries: c.tries}
		f.Expire(c.paused, start.Add(time.Hour))
		if f.State != c.state || f.Reason != c.reason || f.EndedAt == nil || (c.reason == api.ReasonBrokerDown) != (f.CauseFrom != nil) {
			t.Errorf("%s: %+v", c.name, f.Fire)
		}
	}
}
