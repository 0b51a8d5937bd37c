package overdue_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func minutely() overdue.Plan {
	return overdue.Plan{Name: "billing.close", Service: "billing", Spec: timed.Spec{EverySecs: 60, DeadlineMS: 10_000}, Revision: 1, From: start}
}

func parse(t testing.TB, p overdue.Plan) timing.Timing {
	t.Helper()
	parsed, err := timing.Parse(p.Spec.Schedule(p.Name).When())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func done(due time.Time) overdue.End { return overdue.End{Due: due, Until: due, State: "done"} }

// Whatever the order of the news, and however often it comes: the plan stands before the first due time that has not ended,
// and only that and later ones without an end are overdue.
func TestEndsInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const due = 60
		p := minutely()
		when := timing.Timing{}
		if parsed, err := timing.Parse(p.Spec.Schedule(p.Name).When()); err == nil {
			when = parsed
		}
		missing := map[int]bool{}
		for range rapid.IntRange(0, 5).Draw(t, "missing") {
			missing[rapid.IntRange(1, due).Draw(t, "one")] = true
		}
		var news []overdue.End
		for i := 1; i <= due; i++ {
			if missing[i] {
				continue
			}
			e := done(start.Add(time.Duration(i) * time.Minute))
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				news = append(news, e)
			}
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		r.Shuffle(len(news), func(i, j int) { news[i], news[j] = news[j], news[i] })
		var left []overdue.End
		for len(news) > 0 {
			n := min(len(news), 1+r.IntN(5))
			left, news = p.Ended(when, append(left, news[:n]...)), news[n:]
		}
		first := due + 1
		for i := due; i > 0; i-- {
			if missing[i] {
				first = i
			}
		}
		if want := start.Add(time.Duration(first-1) * time.Minute); !p.From.Equal(want) {
			t.Fatalf("from %s, want %s; missing %v", p.From, want, missing)
		}
		now := start.Add(due*time.Minute + 25*time.Second + time.Second) // the last one's end is expected by now
		item, late := p.Item(when, left, now)
		if late != (len(missing) > 0) || item.Count != len(missing) {
			t.Fatalf("%+v, missing %v", item, missing)
		}
		if late && !item.Due.Equal(start.Add(time.Duration(first)*time.Minute)) {
			t.Fatalf("first overdue %s, want the %dth", item.Due, first)
		}
		if at := p.LateAt(when); !at.Equal(start.Add(time.Duration(first)*time.Minute + 25*time.Second)) {
			t.Fatalf("late at %s", at)
		}
	})
}

// A row that stands for many due times ends them all.
func TestFoldedEnds(t *testing.T) {
	t.Parallel()
	p := minutely()
	left := p.Ended(parse(t, p), []overdue.End{{Due: start.Add(time.Minute), Until: start.Add(500 * time.Minute), State: "skipped", Reason: "paused"}})
	if !p.From.Equal(start.Add(500*time.Minute)) || len(left) != 0 || p.Last.Reason != "paused" || !p.Last.Due.Equal(start.Add(500*time.Minute)) {
		t.Errorf("%+v, left %v", p, left)
	}
}

// Behind a due time whose end never comes, what has ended stays a few rows, however long it takes and whatever else is missing.
func TestEndsBehindOneThatNeverComesStayFew(t *testing.T) {
	t.Parallel()
	p := minutely()
	when := parse(t, p)
	var left []overdue.End
	for i := 2; i <= 5000; i++ {
		if i == 3000 {
			continue
		}
		if left = p.Ended(when, append(left, done(start.Add(time.Duration(i)*time.Minute)))); len(left) > 2 {
			t.Fatalf("%d rows after %d ends", len(left), i)
		}
	}
	if !p.From.Equal(start) || !p.Last.Due.Equal(start.Add(5000*time.Minute)) {
		t.Errorf("%+v", p)
	}
	if item, late := p.Item(when, left, start.Add(5001*time.Minute)); !late || item.Count != 2 {
		t.Errorf("%+v", item)
	}
	if left = p.Ended(when, append(left, done(start.Add(time.Minute)))); len(left) != 1 || !p.From.Equal(start.Add(2999*time.Minute)) {
		t.Errorf("the first end came: %d left, %+v", len(left), p)
	}
	if left = p.Ended(when, append(left, done(start.Add(3000*time.Minute)))); len(left) != 0 || !p.From.Equal(start.Add(5000*time.Minute)) {
		t.Errorf("the other came: %d left, %+v", len(left), p)
	}
}

func TestNewsOfPlans(t *testing.T) {
	t.Parallel()
	p := minutely()
	at := func(m int) time.Time { return start.Add(time.Duration(m) * time.Minute) }
	change := func(revision int64, every int64, minute int) overdue.Change {
		c := overdue.Change{Plan: minutely(), At: at(minute)}
		c.Revision, c.Spec.EverySecs, c.From = revision, every, time.Time{}
		return c
	}
	if got, ok := overdue.Apply(overdue.Plan{}, false, change(3, 60, 7)); !ok || !got.From.Equal(at(7)) {
		t.Errorf("unknown: %+v", got)
	}
	if got, ok := overdue.Apply(p, true, change(1, 30, 7)); ok {
		t.Errorf("old news is taken: %+v", got)
	}
	if got, _ := overdue.Apply(p, true, change(2, 60, 7)); !got.From.Equal(start) || got.Revision != 2 {
		t.Errorf("the same timing: %+v", got)
	}
	if got, _ := overdue.Apply(p, true, change(2, 30, 7)); !got.From.Equal(at(7)) {
		t.Errorf("another timing: what the old one planned behind %s is nobody's: %+v", at(7), got)
	}
	retired := change(4, 60, 9)
	retired.Retired = true
	gone, _ := overdue.Apply(p, true, retired)
	if !gone.LateAt(parse(t, gone)).IsZero() {
		t.Error("a retired schedule is overdue")
	}
	if back, ok := overdue.Apply(gone, true, change(3, 60, 8)); ok {
		t.Errorf("old news brings it back: %+v", back)
	}
	if again, ok := overdue.Apply(gone, true, change(5, 60, 20)); !ok || !again.From.Equal(at(20)) {
		t.Errorf("declared again: %+v", again)
	}
	settled := change(2, 60, 5)
	settled.Settled = true
	if got, _ := overdue.Apply(p, true, settled); !got.From.Equal(at(5)) {
		t.Errorf("announced: %+v", got)
	}
	settled.At = at(-5)
	if got, _ := overdue.Apply(p, true, settled); !got.From.Equal(start) {
		t.Errorf("announced from before: %+v", got)
	}
	p.Paused = true
	if !p.LateAt(parse(t, p)).IsZero() {
		t.Error("a paused schedule is overdue")
	}
}

// What the scheduler's events look like on the wire.
func TestRead(t *testing.T) {
	t.Parallel()
	c, err := overdue.ReadChange([]byte(`{"action":"paused","at":"2026-11-21T12:00:00Z","by":"anna","schedule":{"name":"billing.close","service":"billing",
		"cron":"0 2 * * *","time_zone":"Europe/Berlin","paused":true,"revision":7}}`))
	if err != nil || c.Name != "billing.close" || c.Spec.Cron != "0 2 * * *" || !c.Paused || c.Revision != 7 || c.Retired || !c.At.Equal(start) {
		t.Errorf("%+v, %v", c, err)
	}
	all, err := overdue.ReadAnnounced([]byte(`{"schedules":[{"name":"a.b","service":"a","every_seconds":60,"revision":2,"settled_to":"2026-11-21T12:00:00Z"}]}`))
	if err != nil || len(all) != 1 || !all[0].Settled || all[0].Spec.EverySecs != 60 || !all[0].At.Equal(start) {
		t.Errorf("%+v, %v", all, err)
	}
	ends, err := overdue.ReadEnds([]byte(`{"fires":[{"schedule":"a.b","due":"2026-11-21T12:00:00Z","state":"done"},{"schedule":"a.b","due":"2026-11-21T12:01:00Z",
		"until":"2026-11-21T12:09:00Z","state":"skipped","reason":"paused"},{"schedule":"a.b","due":"2026-11-21T12:00:30Z","manual":true,"state":"done"}]}`))
	if err != nil || fmt.Sprint(len(ends["a.b"]), ends["a.b"][1].Until.Minute()) != "2 9" {
		t.Errorf("%+v, %v", ends, err)
	}
	for _, bad := range []string{``, `[]`, `{}`, `{"action":"x"}`} {
		if _, err := overdue.ReadChange([]byte(bad)); err == nil {
			t.Errorf("%s is a change", bad)
		}
	}
	if _, err := overdue.ReadAnnounced([]byte(`{"schedules":[{"name":"x"}]}`)); err == nil {
		t.Error("announced without settled_to is taken")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"action":"created","at":"2026-11-21T12:00:00Z","schedule":{"name":"a.b","every_seconds":-1}}`))
	f.Add([]byte(`{"fires":[{"schedule":"a","due":"0000-01-01T00:00:00Z","until":"9999-01-01T00:00:00Z"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ends, _ := overdue.ReadEnds(data)
		c, err := overdue.ReadChange(data)
		if err != nil {
			return
		}
		p, _ := overdue.Apply(overdue.Plan{}, false, c)
		when, err := timing.Parse(p.Spec.Schedule(p.Name).When())
		if err != nil {
			return
		}
		for _, e := range ends {
			_ = p.Ended(when, e)
		}
		if _, err := json.Marshal(p.LateAt(when)); err == nil {
			_, _ = p.Item(when, nil, start)
		}
	})
}
