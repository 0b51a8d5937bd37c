package timing_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// Every zone, every change of clock 2024–2030: an hourly line and a minute's run as often as a clock on the wall shows
// them that day, 23 and 25 times where an hour is missing or doubled.
func TestC6_HourlyFollowsElapsedTimeInEveryZone(t *testing.T) {
	t.Parallel()
	wrong, lengths := 0, map[time.Duration]int{}
	for _, zone := range zones(t) {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			continue
		}
		hourly := parse(t, timing.Spec{Cron: "30 * * * *", TimeZone: zone})
		anchored := parse(t, timing.Spec{Every: time.Hour, Anchor: time.Date(2024, 1, 1, 0, 17, 0, 0, time.UTC), TimeZone: zone})
		for _, change := range changes(loc) {
			local := change.In(loc)
			begin := time.Date(local.Year(), local.Month(), local.Day(), 12, 0, 0, 0, loc).AddDate(0, 0, -1)
			end := begin.AddDate(0, 0, 1)
			length := end.Sub(begin)
			lengths[length]++
			want, elapsed := 0, 0
			for at := begin; at.Before(end); at = at.Add(time.Minute) {
				if at.In(loc).Minute() == 30 {
					want++
				}
				if at.Unix()/60%60 == 17 {
					elapsed++
				}
			}
			if got := between(hourly, begin, end); got != want || length%time.Hour == 0 && got != int(length/time.Hour) {
				t.Logf("%s: %d runs between %s and %s, want %d", zone, got, begin, end, want)
				wrong++
			}
			if got := between(anchored, begin, end); got != elapsed {
				t.Logf("%s: %d anchored runs between %s and %s, want %d", zone, got, begin, end, elapsed)
				wrong++
			}
		}
	}
	t.Logf("METRIC c6_hourly_days_of_23h=%d", lengths[23*time.Hour])
	t.Logf("METRIC c6_hourly_days_of_25h=%d", lengths[25*time.Hour])
	t.Logf("METRIC c6_hourly_wrong=%d limit=0", wrong)
	if wrong != 0 || lengths[23*time.Hour] == 0 || lengths[25*time.Hour] == 0 {
		t.Errorf("%d days did not have the runs of their length; days seen: %v", wrong, lengths)
	}
}

// between counts the due times in [begin, end).
func between(next timing.Timing, begin, end time.Time) (n int) {
	for at := next.Next(begin.Add(-time.Nanosecond)); !at.IsZero() && at.Before(end); at = next.Next(at) {
		n++
	}
	return n
}

// Every zone: the last day of each month, its second Friday, and each day of the calendar have their one run on their own
// local day; a day that is left out has none, and its neighbours keep theirs.
func TestC6_CountedDaysInEveryZone(t *testing.T) {
	t.Parallel()
	wrong, days := 0, 0
	for _, zone := range zones(t) {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			continue
		}
		last := parse(t, timing.Spec{Cron: "30 2 L * *", TimeZone: zone})
		friday := parse(t, timing.Spec{Cron: "30 0 * * fri#2", TimeZone: zone})
		for month := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC); month.Year() < 2031; month = month.AddDate(0, 1, 0) {
			from := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, loc).Add(-time.Second)
			second := 8 + (int(time.Friday)-int(month.Weekday())+7)%7
			for _, c := range []struct {
				next timing.Timing
				want time.Time
			}{{last, month.AddDate(0, 1, -1)}, {friday, month.AddDate(0, 0, second-1)}} {
				days++
				if due := c.next.Next(from).In(loc); due.Format(time.DateOnly) != c.want.Format(time.DateOnly) {
					t.Logf("%s: after %s due %s, want %s", zone, from, due, c.want.Format(time.DateOnly))
					wrong++
				}
			}
		}
		wrong += leftOutDays(t, zone, loc)
	}
	t.Logf("METRIC c6_counted_days=%d", days)
	t.Logf("METRIC c6_counted_wrong=%d limit=0", wrong)
	if wrong != 0 || days == 0 {
		t.Errorf("%d of %d days are wrong", wrong, days)
	}
}

func leftOutDays(t *testing.T, zone string, loc *time.Location) (wrong int) {
	t.Helper()
	var calendar, except []string
	for _, change := range changes(loc) {
		on := change.In(loc).Format(time.DateOnly)
		except = append(except, on)
		calendar = append(calendar, on+" 02:30")
	}
	if len(except) == 0 {
		return 0
	}
	daily := parse(t, timing.Spec{Cron: "30 2 * * *", TimeZone: zone, Except: except})
	listed := parse(t, timing.Spec{Calendar: calendar, TimeZone: zone})
	for _, change := range changes(loc) {
		local := change.In(loc)
		for offset := -1; offset <= 1; offset++ {
			noon := time.Date(local.Year(), local.Month(), local.Day()+offset, 12, 0, 0, 0, loc)
			on := func(next timing.Timing) (n int) {
				for at := next.Next(noon.Add(-30 * time.Hour)); !at.IsZero() && at.Before(noon.Add(30*time.Hour)); at = next.Next(at) {
					if at.In(loc).Format(time.DateOnly) == noon.Format(time.DateOnly) {
						n++
					}
				}
				return n
			}
			want := map[bool]int{true: 1}[offset == 0]
			if got, other := on(listed), on(daily); got != want || other != 1-want {
				t.Logf("%s: on %s the calendar runs %d times, the daily line without it %d", zone, noon.Format(time.DateOnly), got, other)
				wrong++
			}
		}
	}
	return wrong
}

// What Parse lets through at its worst: sparse lines, antichains of exclusions, intervals that miss their gaps.
func TestNextIsBounded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var comb, months []string
	for i := range 10 {
		comb = append(comb, "*/2 "+string(rune('0'+i))+"-59/3 * "+string(rune('1'+i%9))+"-31 * *")
		months = append(months, "* * * 1-30 "+string(rune('1'+i%9))+" *")
	}
	slowest := time.Duration(0)
	for name, s := range map[string]timing.Spec{
		"Friday the 29th of February": {Cron: "0 0 * 2 fri#5", TimeZone: "Africa/Casablanca"},
		"combs":                       {Cron: "* * * * * *", TimeZone: "Europe/Berlin", Except: comb},
		"most of all days":            {Cron: "59 59 23 31 * *", TimeZone: "Africa/Casablanca", Except: months},
		"an hour in a month":          {Every: 7 * time.Second, TimeZone: "Europe/Berlin", Except: []string{"* * 1-23 * * *", "1-59 * * * * *", "* * 0 2-31 * *"}},
	} {
		next, due, worst := parse(t, s), at, time.Duration(0)
		for range 300 {
			best := time.Hour // of three: others use this machine too
			after := due
			for range 3 {
				began := time.Now()
				due = next.Next(after)
				best = min(best, time.Since(began))
			}
			if worst = max(worst, best); due.IsZero() {
				break
			}
		}
		t.Logf("%s: %v at worst", name, worst)
		slowest = max(slowest, worst)
	}
	began := time.Now()
	if _, err := timing.Parse(timing.Spec{Every: 120 * time.Second, TimeZone: "Europe/Berlin", Except: []string{"*/2 * * * *"}, Start: at}); err == nil {
		t.Error("an interval that never meets what is left is taken")
	}
	t.Logf("METRIC timing_never_refused_us=%d", time.Since(began).Microseconds())
	t.Logf("METRIC timing_slowest_next_us=%d limit=50000", slowest.Microseconds())
}
