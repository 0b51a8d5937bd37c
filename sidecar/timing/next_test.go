package timing_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

func TestNextOfEverySpec(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	const berlin = "Europe/Berlin"
	for _, c := range []struct {
		name  string
		spec  timing.Spec
		after string
		want  []string // "": never again
	}{
		{"last day", timing.Spec{Cron: "0 6 L * *"}, "2028-01-31T06:00:00Z", []string{"2028-02-29T06:00:00Z", "2028-03-31T06:00:00Z"}},
		{"days before the last", timing.Spec{Cron: "0 6 L-3 feb,apr *"}, "2026-01-01T00:00:00Z", []string{"2026-02-25T06:00:00Z", "2026-04-27T06:00:00Z"}},
		{"further back than the month is long", timing.Spec{Cron: "0 6 L-29 * *"}, "2026-01-03T00:00:00Z", []string{"2026-03-02T06:00:00Z", "2026-04-01T06:00:00Z"}},
		{"last Friday on the 31st", timing.Spec{Cron: "0 6 * * friL"}, "2026-07-01T00:00:00Z", []string{"2026-07-31T06:00:00Z", "2026-08-28T06:00:00Z"}},
		{"second Friday on the 14th", timing.Spec{Cron: "0 6 * * 5#2"}, "2026-08-01T00:00:00Z", []string{"2026-08-14T06:00:00Z", "2026-09-11T06:00:00Z"}},
		{"fifth Sunday", timing.Spec{Cron: "0 6 * * 7#5"}, "2026-03-01T00:00:00Z", []string{"2026-03-29T06:00:00Z", "2026-05-31T06:00:00Z"}},
		{"either day field", timing.Spec{Cron: "0 6 L * sun#1"}, "2026-03-02T00:00:00Z", []string{"2026-03-31T06:00:00Z", "2026-04-05T06:00:00Z"}},
		{"a range that ends on Sunday", timing.Spec{Cron: "0 6 * * sat-7"}, "2026-11-20T00:00:00Z", []string{"2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z", "2026-11-28T06:00:00Z"}},
		{"every second day up to Sunday", timing.Spec{Cron: "0 6 * * 1-7/2"}, "2026-11-16T00:00:00Z", []string{"2026-11-16T06:00:00Z", "2026-11-18T06:00:00Z", "2026-11-20T06:00:00Z", "2026-11-22T06:00:00Z"}},
		{"anchor in the future", timing.Spec{Every: 90 * time.Minute, Anchor: at("2026-11-21T08:05:00Z")}, "2026-11-21T00:00:00Z", []string{"2026-11-21T00:35:00Z", "2026-11-21T02:05:00Z"}},
		{"calendar: sorted, once each", timing.Spec{Calendar: []string{"2026-12-24 18:00", "2026-12-01 06:00:30", "2026-12-24 18:00:00"}, TimeZone: berlin}, "2026-01-01T00:00:00Z", []string{"2026-12-01T05:00:30Z", "2026-12-24T17:00:00Z", ""}},
		{"calendar: missing and doubled", timing.Spec{Calendar: []string{"2026-03-29 02:30", "2026-10-25 02:30"}, TimeZone: berlin}, "2026-01-01T00:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-10-25T00:30:00Z", ""}},
		{"calendar: far away", timing.Spec{Calendar: []string{"2499-12-24 18:00"}}, "2026-01-01T00:00:00Z", []string{"2499-12-24T18:00:00Z", ""}},
		{"once", timing.Spec{At: at("2026-12-24T17:00:00Z")}, "2026-01-01T00:00:00Z", []string{"2026-12-24T17:00:00Z", ""}},
		{"from the start on, before the end", timing.Spec{Every: time.Hour, Start: at("2026-12-01T02:00:00Z"), End: at("2026-12-01T04:00:00Z")}, "2026-01-01T00:00:00Z", []string{"2026-12-01T02:00:00Z", "2026-12-01T03:00:00Z", ""}},
		{"calendar: nothing at the end", timing.Spec{Calendar: []string{"2026-12-01 06:00", "2026-12-02 06:00"}, End: at("2026-12-02T06:00:00Z")}, "2026-01-01T00:00:00Z", []string{"2026-12-01T06:00:00Z", ""}},
		{"days left out", timing.Spec{Cron: "0 6 * * *", TimeZone: "Pacific/Auckland", Except: []string{"2026-12-25", "2026-12-23/2026-12-24", "2026-12-31/2027-01-01"}}, "2026-12-21T17:00:00Z",
			[]string{"2026-12-25T17:00:00Z", "2026-12-26T17:00:00Z"}},
		{"nights left out, whole minutes", timing.Spec{Cron: "*/30 59 5-7 * * *", Except: []string{"* 0-6 * * *"}}, "2026-12-01T00:00:00Z", []string{"2026-12-01T07:59:00Z", "2026-12-01T07:59:30Z"}},
		{"seconds left out", timing.Spec{Cron: "*/20 * * * * *", Except: []string{"20 * * * * *"}}, "2026-12-01T00:00:00Z", []string{"2026-12-01T00:00:40Z", "2026-12-01T00:01:00Z"}},
		{"an interval's weekends", timing.Spec{Every: 12 * time.Hour, TimeZone: berlin, Except: []string{"* * * * sat,sun"}}, "2026-11-20T12:00:00Z", []string{"2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z"}},
		{"left out as it is named, not as it is due", timing.Spec{Cron: "30 2 * * *", TimeZone: berlin, Except: []string{"* 3 * * *"}}, "2026-03-28T12:00:00Z", []string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"jitter, also over the end", timing.Spec{At: at("2026-12-24T17:00:00Z"), End: at("2026-12-24T17:00:01Z"), Jitter: 5 * time.Minute, Seed: "identity.purge"}, "2026-01-01T00:00:00Z", []string{"2026-12-24T17:02:58Z", ""}},
		{"before all time", timing.Spec{Cron: "@yearly"}, "0001-01-01T00:00:00Z", []string{"0002-01-01T00:00:00Z"}},
		{"after all time", timing.Spec{Cron: "@hourly"}, "9999-12-31T00:00:00Z", []string{""}},
	} {
		next := parse(t, c.spec)
		due := at(c.after)
		for _, want := range c.want {
			due = next.Next(due)
			if got := due.Format(time.RFC3339); due.IsZero() && want != "" || !due.IsZero() && got != want {
				t.Errorf("%s: %s, want %q", c.name, got, want)
				break
			}
		}
	}
}

// The text of a schedule is the JSON of its API and its store; what comes back from it is due at the same times.
func TestASpecSurvivesItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		loc, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		mid := drawMoment(t, loc)
		s := drawSpec(t, mid, loc, rapid.Bool().Draw(t, "seconds"))
		s.TimeZone = loc.String()
		before, err := timing.Parse(s)
		schedule := timed.Schedule{
			Name: s.Seed, Cron: s.Cron, Every: s.Every, Anchor: s.Anchor, Calendar: s.Calendar, At: s.At, TimeZone: s.TimeZone, Start: s.Start, End: s.End,
			Except: s.Except, Jitter: s.Jitter,
		}
		text, wrong := json.Marshal(timed.SpecOf(schedule))
		if wrong != nil {
			t.Fatal(wrong)
		}
		var spec timed.Spec
		if err := json.Unmarshal(text, &spec); err != nil {
			t.Fatal(err)
		}
		back := spec.Schedule(s.Seed).When()
		if again, wrong := json.Marshal(timed.SpecOf(spec.Schedule(s.Seed))); wrong != nil || err == nil && timing.Describe(back) != timing.Describe(s) {
			t.Fatalf("%s\nbecomes %s", text, again)
		}
		after, wrong := timing.Parse(back)
		if (err == nil) != (wrong == nil) {
			t.Fatalf("%s: %v, and before %v", text, wrong, err)
		}
		if err == nil && !slices.EqualFunc(firstOf(before, mid), firstOf(after, mid), time.Time.Equal) {
			t.Fatalf("%s: due %s, and before %s", text, firstOf(after, mid), firstOf(before, mid))
		}
	})
}

func firstOf(next timing.Timing, at time.Time) (due []time.Time) {
	for range 20 {
		if at = next.Next(at); at.IsZero() {
			return due
		}
		due = append(due, at)
	}
	return due
}
