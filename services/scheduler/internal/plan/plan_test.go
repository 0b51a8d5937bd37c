package plan_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

var start = time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)

func minutely(misfire string, window time.Duration) plan.Schedule {
	s := timed.Schedule{Name: "billing.a", Every: time.Minute, Misfire: misfire, Window: window}
	return parsed(plan.Schedule{Schedule: s.WithDefaults(), Service: "billing", NextDue: start})
}

func parsed(s plan.Schedule) plan.Schedule {
	s.Timing, s.Invalid = timing.Parse(s.When())
	return s
}

// exhaust decides until nothing is due, as passes that follow each other do.
func exhaust(s plan.Schedule, now time.Time) (all []plan.Entry, passes int) {
	for !s.NextDue.IsZero() && !s.NextDue.After(now) {
		d := plan.Decide(s, nil, now)
		all, s.NextDue = append(all, d.Entries...), d.Next
		passes++
	}
	return all, passes
}

func decide(s plan.Schedule, now time.Time) ([]plan.Entry, time.Time) {
	d := plan.Decide(s, nil, now)
	return d.Entries, d.Next
}

// count what is fired, now or in its turn, and what is left out.
func count(entries []plan.Entry) (fired int, skipped map[api.Reason]int) {
	skipped = map[api.Reason]int{}
	for _, e := range entries {
		if e.State != api.Skipped {
			fired++
			continue
		}
		skipped[e.Reason] += e.Missed
	}
	return fired, skipped
}

// A minutely schedule after an outage of 25 hours: skip fires the due time of now alone, once too (it stands for all
// before it), all fires everything within the window. Nothing gets stuck, and every due time is accounted for.
func TestC5_CatchUpAfter25Hours(t *testing.T) {
	t.Parallel()
	const missed = 25 * 60
	for _, c := range []struct {
		name, misfire string
		window        time.Duration
		late          time.Duration // how long after the last due time the planner comes back
		fired         int
		reason        api.Reason
	}{
		{"skip, back on the minute", timed.MisfireSkip, 48 * time.Hour, 0, 1, api.ReasonMisfire},
		{"skip, back between", timed.MisfireSkip, 48 * time.Hour, 30 * time.Second, 0, api.ReasonMisfire},
		{"once, back on the minute", timed.MisfireOnce, 48 * time.Hour, 0, 1, api.ReasonMisfire},
		{"once, back between", timed.MisfireOnce, 48 * time.Hour, 30 * time.Second, 1, api.ReasonMisfire},
		{"once, out of the window", timed.MisfireOnce, 20 * time.Second, 30 * time.Second, 0, api.ReasonTooLate},
		{"all", timed.MisfireAll, 48 * time.Hour, 30 * time.Second, missed + 1, ""},
		{"all, in the window of an hour", timed.MisfireAll, time.Hour, 0, 61, api.ReasonTooLate},
	} {
		now := start.Add(missed*time.Minute + c.late)
		entries, passes := exhaust(minutely(c.misfire, c.window), now)
		fired, skipped := count(entries)
		if fired != c.fired || fired+skipped[c.reason] != missed+1 && c.reason != "" || passes > 20 {
			t.Errorf("%s: %d fired, %v skipped in %d passes", c.name, fired, skipped, passes)
		}
	}
}

func TestLateWithinTheGraceIsNotMissed(t *testing.T) {
	t.Parallel()
	s := minutely(timed.MisfireSkip, time.Hour)
	s.Every = time.Second
	entries, next := decide(parsed(s), start.Add(5*time.Second))
	if fired, skipped := count(entries); fired != 6 || len(skipped) != 0 || !next.Equal(start.Add(6*time.Second)) {
		t.Errorf("%d fired, %v skipped, next %s", fired, skipped, next)
	}
}

func TestPausedAndInvalid(t *testing.T) {
	t.Parallel()
	s := minutely(timed.MisfireAll, time.Hour)
	s.Paused = true
	entries, next := decide(s, start.Add(2*time.Minute))
	if fired, skipped := count(entries); fired != 0 || skipped[api.ReasonPaused] != 3 || !next.Equal(start.Add(3*time.Minute)) {
		t.Errorf("paused: %+v, next %s", entries, next)
	}
	s.Every, s.Cron, s.TimeZone = 0, "@daily", "Gone/Zone"
	entries, next = decide(parsed(s), start)
	if len(entries) != 1 || entries[0].Reason != api.ReasonInvalid || !next.IsZero() {
		t.Errorf("invalid: %+v, next %s", entries, next)
	}
}

// An outage over a change of clock.
func TestOutageOverTheMissingHour(t *testing.T) {
	t.Parallel()
	s := minutely(timed.MisfireOnce, 24*time.Hour)
	s.Every, s.Cron, s.TimeZone = 0, "30 2 * * *", "Europe/Berlin"
	s.NextDue = time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	entries, next := decide(parsed(s), time.Date(2026, 3, 29, 4, 0, 0, 0, time.UTC))
	if fired, _ := count(entries); fired != 1 || !next.Equal(time.Date(2026, 3, 30, 0, 30, 0, 0, time.UTC)) {
		t.Errorf("%+v, next %s", entries, next)
	}
}

// Whatever the schedule and the outage: every due time is decided once, in order, and long runs are folded.
func TestEveryDueTimeIsAccountedForOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.Int64Range(1, 3600).Draw(t, "every")
		s := parsed(plan.Schedule{NextDue: time.Unix(every*1000, 0).UTC(), Paused: rapid.Bool().Draw(t, "paused"), Schedule: timed.Schedule{
			Name: "billing.a", Every: time.Duration(every) * time.Second,
			Misfire: rapid.SampledFrom([]string{timed.MisfireSkip, timed.MisfireOnce, timed.MisfireAll}).Draw(t, "misfire"),
			Window:  time.Duration(rapid.Int64Range(0, 40_000).Draw(t, "window")) * time.Second,
		}})
		now := s.NextDue.Add(time.Duration(rapid.Int64Range(0, 50_000).Draw(t, "outage")) * time.Second)
		want := int(now.Sub(s.NextDue)/s.Every) + 1
		expected := s.NextDue
		entries, _ := exhaust(s, now)
		total := 0
		for _, e := range entries {
			n := max(1, e.Missed)
			if !e.Due.Equal(expected) || !e.Until.Equal(e.Due.Add(time.Duration(n-1)*s.Every)) {
				t.Fatalf("entry %+v, expected due %s", e, expected)
			}
			expected = e.Until.Add(s.Every)
			total += n
		}
		if total != want {
			t.Fatalf("%d due times decided, want %d", total, want)
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	now := start
	for _, c := range []struct {
		name string
		pass plan.Pass
		want time.Duration
	}{
		{"nothing stored", plan.Pass{Now: now, Complete: true}, time.Second},
		{"due soon", plan.Pass{Now: now, Complete: true, NextDue: now.Add(300 * time.Millisecond)}, 300 * time.Millisecond},
		{"due late", plan.Pass{Now: now, Complete: true, NextDue: now.Add(time.Hour)}, time.Second},
		{"a try sooner", plan.Pass{Now: now, Complete: true, NextDue: now.Add(time.Hour), NextTry: now.Add(time.Millisecond)}, time.Millisecond},
		{"more to do", plan.Pass{Now: now, Fired: 500}, 0},
		{"the rest is locked", plan.Pass{Now: now}, 20 * time.Millisecond},
	} {
		if got := c.pass.Wait(time.Second); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
