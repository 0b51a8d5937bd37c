package timing_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// enumerate lists the due times in (from, to] by looking at every step between: minutes, or seconds where they matter.
// It shares nothing with the package: it reads cron lines as text, and days by comparing their names.
func enumerate(s timing.Spec, loc *time.Location, from, to time.Time, step time.Duration) (due []time.Time) {
	shift := time.Duration(0)
	if s.Jitter > 0 {
		h := uint64(14695981039346656037)
		for _, b := range []byte(s.Seed) {
			h = (h ^ uint64(b)) * 1099511628211
		}
		shift = time.Duration(h%uint64(s.Jitter/time.Second)) * time.Second
	}
	seen := map[int64]bool{}
	begin := from.Add(-26 * time.Hour).Truncate(step)
	before := wallOf(begin.Add(-step), loc)
	for at := begin; !at.After(to); at = at.Add(step) {
		wall := wallOf(at, loc)
		follows := s.Every > 0 || !s.At.IsZero() || everyHour(s.Cron)
		if (follows || !seen[wall.Unix()]) && named(s, at, wall) {
			due = append(due, at)
		}
		for skipped := before.Add(step); !follows && skipped.Before(wall); skipped = skipped.Add(step) {
			switch {
			case !named(s, at, skipped):
			case skipped.Day() == wall.Day():
				due = append(due, at)
			default:
				due = append(due, at.Add(-time.Second))
			}
		}
		seen[wall.Unix()], before = true, wall
	}
	var kept []time.Time
	for _, at := range due {
		if (s.Start.IsZero() || !at.Before(s.Start)) && (s.End.IsZero() || at.Before(s.End)) && at.Add(shift).After(from) && !at.Add(shift).After(to) {
			kept = append(kept, at.Add(shift))
		}
	}
	slices.SortFunc(kept, time.Time.Compare)
	return slices.CompactFunc(kept, time.Time.Equal)
}

func wallOf(at time.Time, loc *time.Location) time.Time {
	l := at.In(loc)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
}

func named(s timing.Spec, at, wall time.Time) bool {
	ok := false
	switch {
	case s.Every > 0:
		ok = at.Sub(s.Anchor)%s.Every == 0
		if s.Anchor.IsZero() {
			ok = at.Unix()%int64(s.Every/time.Second) == 0
		}
	case !s.At.IsZero():
		ok = at.Equal(s.At)
	case len(s.Calendar) > 0:
		ok = slices.Contains(s.Calendar, wall.Format("2006-01-02 15:04:05")) || wall.Second() == 0 && slices.Contains(s.Calendar, wall.Format("2006-01-02 15:04"))
	default:
		ok = lineNames(s.Cron, wall, false)
	}
	for _, text := range s.Except {
		first, last, ranged := strings.Cut(text, "/")
		switch date := wall.Format(time.DateOnly); {
		case !ok:
		case strings.Contains(text, " "):
			ok = !lineNames(text, wall, true)
		case ranged:
			ok = date < first || date > last
		default:
			ok = date != text
		}
	}
	return ok
}

func everyHour(text string) bool {
	all := strings.Fields(text)
	if len(all) == 0 {
		return false
	}
	for hour := range 24 {
		if !itemNames(all[len(all)-4], hour, 0, 23, nil) {
			return false
		}
	}
	return true
}

func lineNames(text string, wall time.Time, wholeMinutes bool) bool {
	all := strings.Fields(text)
	if len(all) == 6 {
		if !itemNames(all[0], wall.Second(), 0, 59, nil) {
			return false
		}
		all = all[1:]
	} else if wall.Second() != 0 && !wholeMinutes {
		return false
	}
	months := []string{"", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
	byDate, byDay := dateNames(all[2], wall), weekdayNames(all[4], wall)
	days := byDate || byDay
	if free(all[2]) || free(all[4]) {
		days = byDate && byDay
	}
	return days && itemNames(all[0], wall.Minute(), 0, 59, nil) && itemNames(all[1], wall.Hour(), 0, 23, nil) &&
		itemNames(all[3], int(wall.Month()), 1, 12, months)
}

func free(text string) bool {
	return slices.ContainsFunc(strings.Split(text, ","), func(item string) bool { return item == "*" || item == "?" })
}

func dateNames(text string, wall time.Time) bool {
	last := wall.AddDate(0, 1, -wall.Day()).Day()
	if wall.Day() > 28 {
		for last = wall.Day(); wall.AddDate(0, 0, last-wall.Day()+1).Month() == wall.Month(); last++ {
			continue
		}
	}
	for item := range strings.SplitSeq(text, ",") {
		if rest, ok := strings.CutPrefix(item, "L"); ok {
			back, _ := strconv.Atoi(rest) // "-3", or nothing
			if wall.Day() == last+back {
				return true
			}
		} else if itemNames(item, wall.Day(), 1, 31, nil) {
			return true
		}
	}
	return false
}

func weekdayNames(text string, wall time.Time) bool {
	names := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	for item := range strings.SplitSeq(text, ",") {
		day, nth, counted := strings.Cut(item, "#")
		if last, ok := strings.CutSuffix(item, "L"); ok {
			day, counted = last, true
		}
		switch today := int(wall.Weekday()); {
		case !counted && (itemNames(item, today, 0, 6, names) || today == 0 && strings.Contains(item, "7") && itemNames(item, 7, 0, 7, names)):
			return true
		case !counted || !itemNames(day, today, 0, 6, names):
		case nth == "" && wall.AddDate(0, 0, 7).Month() != wall.Month():
			return true
		case nth != "":
			n := 0
			for d := wall; d.Month() == wall.Month(); d = d.AddDate(0, 0, -7) {
				n++
			}
			if strconv.Itoa(n) == nth {
				return true
			}
		}
	}
	return false
}

// itemNames reads a list of numbers, names, ranges and steps.
func itemNames(text string, value, low, high int, names []string) bool {
	number := func(s string) int {
		if i := slices.Index(names, s); i >= 0 {
			return i
		}
		n, _ := strconv.Atoi(s)
		return n
	}
	for item := range strings.SplitSeq(text, ",") {
		span, by, stepped := strings.Cut(item, "/")
		first, last, ranged := strings.Cut(span, "-")
		from, to, step := low, high, 1
		if first != "*" && first != "?" {
			from = number(first)
			if to = from; ranged {
				to = number(last)
			} else if stepped {
				to = high
			}
		}
		if stepped {
			step = number(by)
		}
		if value >= from && value <= to && (value-from)%step == 0 {
			return true
		}
	}
	return false
}

// Whatever a schedule says, the due times are those that a slow look at every minute, or second, finds.
func TestNextAgreesWithASlowEnumerator(t *testing.T) {
	t.Parallel()
	names := []string{"UTC", "Europe/Berlin", "Africa/Casablanca", "Australia/Lord_Howe", "America/Havana", "America/Nuuk", "Asia/Kathmandu", "Asia/Gaza"}
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(names).Draw(t, "zone")
		loc, _ := time.LoadLocation(zone)
		mid := drawMoment(t, loc)
		step, span := time.Minute, rapid.SampledFrom([]time.Duration{3, 3, 3, 33}).Draw(t, "days")*24*time.Hour
		seconds := rapid.IntRange(0, 7).Draw(t, "seconds") == 0
		if seconds {
			step, span = time.Second, 8*time.Hour
		}
		s := drawSpec(t, mid, loc, seconds)
		s.TimeZone = zone
		next, err := timing.Parse(s)
		if err != nil {
			if strings.Contains(err.Error(), "never") || strings.Contains(err.Error(), "not after") || strings.Contains(err.Error(), "nothing is due") {
				return
			}
			t.Fatalf("%+v: %v", s, err)
		}
		from, to := mid.Add(-span/2), mid.Add(span/2)
		want := enumerate(s, loc, from, to, step)
		at := from
		for i, due := range want[:min(len(want), 3000)] {
			if at = next.Next(at); !at.Equal(due) {
				t.Fatalf("%+v: due time %d after %s is %s, want %s", s, i, from, at, due)
			}
		}
		if len(want) <= 3000 {
			if at = next.Next(at); !at.IsZero() && !at.After(to) {
				t.Fatalf("%+v: %s is too many", s, at)
			}
		}
		found += len(want)
	})
	t.Logf("METRIC enumerated_due_times=%d", found)
}
