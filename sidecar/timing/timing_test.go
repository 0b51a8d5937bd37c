package timing_test

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

func parse(t testing.TB, s timing.Spec) timing.Timing {
	t.Helper()
	parsed, err := timing.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestNextByWallClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, cron, zone, after, want string }{
		{"five fields", "30 2 * * *", "", "2026-01-01T02:30:00Z", "2026-01-02T02:30:00Z"},
		{"six fields", "*/10 * * * * *", "", "2026-01-01T00:00:09.5Z", "2026-01-01T00:00:10Z"},
		{"descriptor", "@daily", "Asia/Tokyo", "2026-01-01T00:00:00Z", "2026-01-01T15:00:00Z"},
		{"names", "0 9 * jan mon-fri", "", "2026-01-02T09:00:00Z", "2026-01-05T09:00:00Z"},
		{"zone", "0 2 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"},
		{"missing hour: after the gap", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"the day after the gap", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"several missing fall together", "*/15 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		{"doubled hour: first pass", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"doubled hour: not again", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"asked within the second pass", "30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
		{"every hour runs in both passes", "30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"every hour skips the gap", "30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"},
		{"half-hour change", "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
		{"missing and the gap ends tomorrow", "30 23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z", "2026-03-29T00:59:59Z"},
		{"and not again after it", "30 23 * * *", "America/Nuuk", "2026-03-29T00:59:59Z", "2026-03-30T00:30:00Z"},
		{"leap day", "0 0 29 2 *", "", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			after, _ := time.Parse(time.RFC3339, c.after)
			got := timing.Next(timing.Spec{Cron: c.cron, TimeZone: c.zone}, after).Format(time.RFC3339)
			if got != c.want {
				t.Errorf("Next(%q %s, %s) = %s, want %s", c.cron, c.zone, c.after, got, c.want)
			}
		})
	}
}

// zones are all names of the tz database.
func zones(t *testing.T) []string {
	t.Helper()
	if f, err := os.Open("/usr/share/zoneinfo/tzdata.zi"); err == nil {
		defer func() { _ = f.Close() }()
		return parseZones(f)
	}
	return []string{
		"UTC", "Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Havana", "America/Santiago", "America/Nuuk", "America/Asuncion",
		"Asia/Beirut", "Asia/Gaza", "Asia/Tehran", "Africa/Cairo", "Africa/Casablanca", "Australia/Lord_Howe", "Australia/Sydney",
		"Pacific/Auckland", "Pacific/Chatham", "Pacific/Norfolk", "Antarctica/Troll", "Antarctica/Casey",
	}
}

func parseZones(f *os.File) (names []string) {
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[0] == "Z" {
			names = append(names, fields[1])
		}
	}
	return names
}

// Every zone, every change of clock 2024–2030: a daily line runs exactly once on every local day around it.
func TestC6_DailyOncePerLocalDayInEveryZone(t *testing.T) {
	t.Parallel()
	wrong, seen, all := 0, 0, zones(t)
	for _, zone := range all {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			continue
		}
		for _, line := range []string{"30 2 * * *", "30 0 * * *", "30 23 * * *", "0 0 * * *", "0 3 * * *"} {
			next := parse(t, timing.Spec{Cron: line, TimeZone: zone})
			seen += len(changes(loc))
			wrong += wrongDays(t, next, loc, zone+" "+line)
		}
	}
	t.Logf("METRIC c6_zones=%d", len(all))
	t.Logf("METRIC c6_changes=%d", seen)
	t.Logf("METRIC c6_wrong_days=%d limit=0", wrong)
	if wrong != 0 || seen == 0 {
		t.Errorf("%d local days did not have exactly one run", wrong)
	}
}

// wrongDays looks at the days around every change of the zone's clock.
func wrongDays(t *testing.T, next timing.Timing, loc *time.Location, what string) (wrong int) {
	t.Helper()
	for _, change := range changes(loc) {
		from := time.Date(change.Year(), change.Month(), change.Day()-2, 0, 0, 0, 0, loc)
		runs := map[string]int{}
		for at := from.Add(-time.Second); at.Before(from.AddDate(0, 0, 5)); {
			if at = next.Next(at); at.IsZero() {
				t.Fatalf("%s: stuck", what)
			}
			runs[at.In(loc).Format(time.DateOnly)]++
		}
		for day := range 5 {
			noon := time.Date(from.Year(), from.Month(), from.Day()+day, 12, 0, 0, 0, loc)
			if n := runs[noon.Format(time.DateOnly)]; n != 1 && noon.Hour() == 12 {
				t.Logf("%s: %d runs on %s", what, n, noon.Format(time.DateOnly))
				wrong++
			}
		}
	}
	return wrong
}

func changes(loc *time.Location) (all []time.Time) {
	end := time.Date(2030, 12, 25, 0, 0, 0, 0, loc)
	for at := time.Date(2024, 1, 3, 0, 0, 0, 0, loc); ; {
		_, next := at.ZoneBounds()
		if next.IsZero() || next.After(end) {
			return all
		}
		all, at = append(all, next), next
	}
}

func TestC6_HourlyFollowsElapsedTime(t *testing.T) {
	t.Parallel()
	berlin, _ := time.LoadLocation("Europe/Berlin")
	next := parse(t, timing.Spec{Cron: "0 * * * *", TimeZone: "Europe/Berlin"})
	for day, want := range map[int]int{28: 24, 29: 23, 30: 24} {
		if got := count(next, time.Date(2026, 3, day, 0, 0, 0, 0, berlin)); got != want {
			t.Errorf("2026-03-%d: %d runs, want %d", day, got, want)
		}
	}
	for day, want := range map[int]int{24: 24, 25: 25, 26: 24} {
		if got := count(next, time.Date(2026, 10, day, 0, 0, 0, 0, berlin)); got != want {
			t.Errorf("2026-10-%d: %d runs, want %d", day, got, want)
		}
	}
}

func count(next timing.Timing, midnight time.Time) (n int) {
	end := midnight.AddDate(0, 0, 1)
	for at := next.Next(midnight.Add(-time.Second)); at.Before(end); at = next.Next(at) {
		n++
	}
	return n
}

func TestNextOfIntervalsIsAnchoredAtTheEpoch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(1, 366*24*3600).Draw(t, "seconds")) * time.Second
		after := time.Unix(rapid.Int64Range(-1<<32, 1<<34).Draw(t, "after"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
		due := timing.Next(timing.Spec{Every: every}, after)
		if !due.After(after) || due.Sub(after) > every || due.Unix()%int64(every/time.Second) != 0 || due.Nanosecond() != 0 {
			t.Fatalf("every %s after %s is due %s", every, after, due)
		}
	})
}

// Strictly increasing, and nothing in between is left out: asking from anywhere before a due time finds it.
func TestNextIsStrictlyIncreasingAndComplete(t *testing.T) {
	t.Parallel()
	names := []string{"UTC", "Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		s := timing.Spec{Cron: drawCron(t), TimeZone: rapid.SampledFrom(names).Draw(t, "zone")}
		next, err := timing.Parse(s)
		if err != nil {
			t.Skip(err)
		}
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "after"), 0)
		for range 20 {
			due := next.Next(at)
			if due.IsZero() {
				return
			}
			if !due.After(at) {
				t.Fatalf("%+v: %s is not after %s", s, due, at)
			}
			between := at.Add(time.Duration(rapid.Int64Range(0, int64(due.Sub(at))-1).Draw(t, "between")))
			if again := next.Next(between); !again.Equal(due) {
				t.Fatalf("%+v: after %s due %s, but after %s due %s", s, at, due, between, again)
			}
			at = due
		}
	})
}
