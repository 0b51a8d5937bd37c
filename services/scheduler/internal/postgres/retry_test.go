package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func failed(id string, attempt int) timed.Receipt {
	return timed.Receipt{FireID: id, Attempt: attempt, Instance: "billing-1", Error: "no money"}
}

// of a schedule that is fired by hand once.
func (f fixture) by(t *testing.T, s timed.Schedule) string {
	t.Helper()
	f.declare(t, s)
	id, err := f.Run(t.Context(), s.Name, "ann")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (f fixture) attempts(id string) (all []timed.Fire, events []bus.Publication) {
	for _, p := range f.out.of(bus.Schedule, "") {
		var fire timed.Fire
		if p.Event.Subject == id && json.Unmarshal(p.Event.Data, &fire) == nil {
			all, events = append(all, fire), append(events, p)
		}
	}
	return all, events
}

// The ledger decides about the attempts: each after its backoff, each with its number; a receipt of an older one, or one
// that comes twice, changes nothing; the last one's failure is the end.
func TestAttemptsAreTheLedgers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 86400)
	s.Attempts, s.Backoff, s.Deadline, s.Window = 3, 2*time.Second, 3*time.Second, time.Hour
	id := f.by(t, s)
	term := f.lead(t, "s")
	for attempt := 1; attempt <= 2; attempt++ {
		f.published(t, id, false)
		if got := f.settle(t, "billing", failed(id, attempt)); got != plan.Again {
			t.Fatalf("attempt %d: %s", attempt, got)
		}
		for _, late := range []int{attempt, attempt - 1} { // 0 says nothing of the attempt
			if got := f.settle(t, "billing", failed(id, late)); got != plan.Ignored {
				t.Errorf("the failure of attempt %d again: %s", late, got)
			}
		}
		f.published(t, id, false) // a confirm that comes late
		row := f.state(t, id)
		wait := time.Duration(attempt) * 2 * time.Second
		if row.State != api.Planned || row.Attempt != attempt || row.RetryAt == nil || row.Error != "no money" || row.EndedAt != nil {
			t.Fatalf("after attempt %d: %+v", attempt, row)
		}
		if left := time.Until(*row.RetryAt); left < wait-time.Second || left > wait+time.Second {
			t.Errorf("the attempt after %d comes in %s", attempt, left)
		}
		if p := pass(t, term, time.Now().Add(wait-time.Second)); p.Retried != 0 || p.NextTry.IsZero() {
			t.Errorf("too early: %+v", p)
		}
		if p := pass(t, term, time.Now().Add(wait+time.Second)); p.Retried != 1 {
			t.Errorf("attempt %d does not follow: %+v", attempt+1, p)
		}
	}
	result := f.receipts(t, postgres.Settled{Service: "billing", Kind: timed.Failed, Receipt: failed(id, 3)})
	if row := f.state(t, id); result.Outcomes[0] != plan.Failed || result.Missed[api.ReasonHandlerFailed] != 1 || row.State != api.Failed || row.Attempt != 3 {
		t.Errorf("%+v: %+v", result, row)
	}
	all, events := f.attempts(id)
	if len(all) != 3 || events[1].Event.ID != id+"/2" || events[2].Event.ID != id+"/3" || all[2].Attempt != 3 || all[2].Attempts != 3 || string(all[2].Payload) != `{"a":1}` {
		t.Errorf("%+v", all)
	}
	if want := s.Window + s.Deadline; events[0].Expires != want || events[2].Expires != want {
		t.Errorf("expire after %s and %s", events[0].Expires, events[2].Expires)
	}
	result = f.receipts(t, postgres.Settled{Service: "billing", Kind: timed.Completed, Receipt: timed.Receipt{FireID: id, Attempt: 1}})
	if row := f.state(t, id); result.Recovered[api.ReasonHandlerFailed] != 1 || row.State != api.Done {
		t.Errorf("completed after all: %+v: %+v", result, row)
	}
}

// A handler that was at work when its schedule was deleted gets no further attempt; one whose schedule was edited gets it
// the way that the schedule goes now.
func TestAnAttemptFollowsItsScheduleAsItIsNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	edit := postgres.Edit{Service: "billing", By: "ann"}
	begun := func(name string) string {
		edit.Name, edit.Spec = name, timed.SpecOf(timed.Schedule{Every: 24 * time.Hour, Attempts: 3, Backoff: time.Second, Overlap: timed.OverlapSkip})
		f.put(t, edit)
		id, err := f.Run(t.Context(), name, "ann")
		if err != nil {
			t.Fatal(err)
		}
		f.published(t, id, false)
		return id
	}
	deleted := begun("billing.deleted")
	if err := f.Delete(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	edited := begun("billing.edited")
	edit.Spec.Target, edit.Spec.DeadlineMS = timed.TargetPoll, 7000
	f.put(t, edit)
	for _, id := range []string{deleted, edited} {
		if got := f.settle(t, "billing", failed(id, 1)); got != plan.Again {
			t.Fatalf("%s: %s", id, got)
		}
	}
	p := pass(t, f.lead(t, "s"), time.Now().Add(2*time.Second))
	if p.Retried != 1 || p.Failed[api.ReasonCancelled] != 1 {
		t.Errorf("%+v", p)
	}
	if row := f.state(t, deleted); row.State != api.Failed || row.Reason != api.ReasonCancelled || row.Error != "no money" || row.EndedAt == nil || row.Attempt != 1 {
		t.Errorf("of the deleted one: %+v", row)
	}
	for _, id := range []string{deleted, edited} {
		if all, _ := f.attempts(id); len(all) != 1 {
			t.Errorf("%s was published %d times", id, len(all))
		}
	}
	taken, ok, err := f.Take(t.Context(), "billing.edited", "pos-1")
	if err != nil || !ok || taken.ID != edited || taken.Attempt != 2 || taken.Deadline != 7*time.Second {
		t.Errorf("taken %t: %+v, %v", ok, taken.Fire, err)
	}
}

func TestWhatCountsAsDone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	share := 0.25
	confirmed := func(id string) { f.published(t, id, false) }
	told := func(kind string) func(string) {
		return func(id string) {
			r := timed.Receipt{FireID: id, Attempt: 1, Instance: "billing-1", Progress: &share, Note: "a quarter", Result: "42 rows", StartedAt: time.Now()}
			f.receipts(t, postgres.Settled{Service: "billing", Kind: kind, Receipt: r})
		}
	}
	for _, c := range []struct {
		name, done, target string
		steps              []func(string)
		state              api.State
	}{
		{"published", timed.DonePublished, "", []func(string){confirmed}, api.Done},
		{"published, receipt first", timed.DonePublished, "", []func(string){told(timed.Received), confirmed}, api.Done},
		{"received", timed.DoneReceived, "", []func(string){confirmed, told(timed.Received)}, api.Done},
		{"received by progress", timed.DoneReceived, "", []func(string){confirmed, told(timed.InProgress)}, api.Done},
		{"received by its end", timed.DoneReceived, "", []func(string){told(timed.Completed)}, api.Done},
		{"not received yet", timed.DoneReceived, "", []func(string){confirmed}, api.Published},
		{"begun only", "", "", []func(string){confirmed, told(timed.Received), told(timed.InProgress)}, api.Received},
		{"begun before the confirm", "", "", []func(string){told(timed.Received), confirmed}, api.Received},
		{"completed", "", "", []func(string){confirmed, told(timed.InProgress), told(timed.Completed)}, api.Done},
		{"offered", "", timed.TargetPoll, nil, api.Published},
	} {
		s := every("a", 86400)
		s.DoneWhen, s.Target = c.done, c.target
		id := f.by(t, s)
		for _, step := range c.steps {
			step(id)
		}
		row := f.state(t, id)
		if row.State != c.state || (row.EndedAt != nil) != (c.state == api.Done) {
			t.Errorf("%s: %+v", c.name, row)
		}
		if told := row.Progress != nil && *row.Progress == share && row.Note == "a quarter"; told != (c.name == "received by progress" || c.name == "begun only" || c.name == "completed" ||
			c.name == "begun before the confirm" || c.name == "received") {
			t.Errorf("%s: progress %v", c.name, row.Progress)
		}
		if all, _ := f.attempts(id); (len(all) == 0) != (c.target == timed.TargetPoll) || len(all) == 1 && all[0].DoneWhen != s.WithDefaults().DoneWhen {
			t.Errorf("%s: published %+v", c.name, all)
		}
	}
}

// A pause holds further attempts, however long it lasts, but not those of a run by hand; what is held goes on after it.
func TestAPauseHoldsFurtherAttempts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := every("a", 86400)
	s.Attempts, s.Backoff, s.Deadline, s.Window = 3, time.Second, 3*time.Second, time.Minute
	byHand := f.by(t, s)
	planned := timed.FireID(s.Name, f.shown(t, s.Name).NextDue.UTC())
	term := f.lead(t, "s")
	now := f.shown(t, s.Name).NextDue.Add(time.Second)
	pass(t, term, now)
	for _, id := range []string{byHand, planned} {
		f.published(t, id, false)
		if got := f.settle(t, "billing", failed(id, 1)); got != plan.Again {
			t.Fatalf("%s: %s", id, got)
		}
	}
	if _, err := f.Pause(t.Context(), s.Name, "ann", "month end"); err != nil {
		t.Fatal(err)
	}
	for minute := range 5 {
		now = now.Add(time.Minute + time.Second)
		if p := pass(t, term, now); (p.Retried != 0) != (minute == 0) || p.NextTry.IsZero() {
			t.Errorf("minute %d of the pause: %+v", minute, p)
		}
	}
	held := f.state(t, planned)
	if all, _ := f.attempts(planned); len(all) != 1 || held.State != api.Planned || held.Attempt != 1 || !held.RetryAt.After(now) {
		t.Errorf("%d attempts, %+v", len(all), held)
	}
	if n := f.number(t, `SELECT count(*) FROM fires WHERE id = $1 AND expires_at > $2`, planned, now.Add(time.Minute)); n != 1 {
		t.Error("its time is over in the pause")
	}
	if all, _ := f.attempts(byHand); len(all) != 2 {
		t.Errorf("a run by hand had %d attempts", len(all))
	}
	if _, err := f.Resume(t.Context(), s.Name, "ann"); err != nil {
		t.Fatal(err)
	}
	if p := pass(t, term, now.Add(time.Minute+time.Second)); p.Retried != 1 {
		t.Errorf("after the pause: %+v", p)
	}
	if all, _ := f.attempts(planned); len(all) != 2 || all[1].Attempt != 2 {
		t.Errorf("after the pause: %+v", all)
	}
}
