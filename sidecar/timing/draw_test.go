package timing_test

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// drawMoment likes changes of clock and ends of months.
func drawMoment(t *rapid.T, loc *time.Location) time.Time {
	all := changes(loc)
	switch kind := rapid.IntRange(0, 5).Draw(t, "moment"); {
	case kind < 4 && len(all) > 0:
		return rapid.SampledFrom(all).Draw(t, "change")
	case kind == 4:
		return time.Date(2024, time.Month(1+rapid.IntRange(0, 80).Draw(t, "month")), 1, 0, 0, 0, 0, loc)
	}
	return time.Unix(rapid.Int64Range(1_704_100_000/60, 1_924_000_000/60).Draw(t, "minute")*60, 0)
}

func drawSpec(t *rapid.T, mid time.Time, loc *time.Location, seconds bool) timing.Spec {
	s := timing.Spec{Seed: rapid.StringMatching(`[a-z]{1,8}\.[a-z0-9]{1,8}`).Draw(t, "seed")}
	near := func(name string, days int) time.Time {
		return mid.Add(time.Duration(rapid.IntRange(-days*1440, days*1440).Draw(t, name)) * time.Minute).Truncate(time.Minute)
	}
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		unit := map[bool]time.Duration{true: time.Second, false: time.Minute}[seconds]
		s.Every = time.Duration(rapid.IntRange(1, 4000).Draw(t, "every")) * unit
		if rapid.Bool().Draw(t, "anchored") {
			s.Anchor = near("anchor", 400)
		}
	case 1:
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			s.Calendar = append(s.Calendar, near("calendar", 2).In(loc).Format("2006-01-02 15:04"))
		}
		s.Calendar = append(s.Calendar, mid.Add(-time.Duration(rapid.IntRange(0, 1).Draw(t, "day before"))*time.Second).In(loc).Format("2006-01-02 ")+rapid.SampledFrom([]string{"02:30", "02:00", "00:30", "01:15", "01:30", "23:59", "23:30"}).Draw(t, "time"))
	case 2:
		s.At = near("at", 2)
	default:
		s.Cron = drawCron(t)
		if seconds {
			s.Cron = rapid.StringMatching(`\*|\*/(10|7)|[1-5]?[0-9]`).Draw(t, "second") + " " + s.Cron
		}
	}
	edge := func(name string) time.Time {
		return mid.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, name)) * 30 * time.Minute)
	}
	if rapid.IntRange(0, 2).Draw(t, "start") == 0 {
		s.Start = edge("from")
	}
	if rapid.IntRange(0, 2).Draw(t, "end") == 0 {
		s.End = edge("to")
	}
	if !s.Start.IsZero() && !s.End.After(s.Start) {
		s.End = time.Time{}
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2, 4}).Draw(t, "exclusions") {
		s.Except = append(s.Except, drawExclusion(t, near, loc))
	}
	if rapid.Bool().Draw(t, "jitter") {
		s.Jitter = time.Duration(rapid.IntRange(1, 7200).Draw(t, "spread")) * time.Second
	}
	return s
}

func drawExclusion(t *rapid.T, near func(string, int) time.Time, loc *time.Location) string {
	first := near("day", 3).In(loc)
	switch rapid.IntRange(0, 3).Draw(t, "exclusion") {
	case 0:
		return first.Format(time.DateOnly)
	case 1:
		return first.Format(time.DateOnly) + "/" + first.AddDate(0, 0, rapid.IntRange(0, 4).Draw(t, "days")).Format(time.DateOnly)
	case 2:
		return rapid.StringMatching(`(\*|\*/[2-9]) [0-9] \* \* \*|\* \* \* \* (sat,sun|fri#[1-5]|monL)|[0-9] \* L \* \*`).Draw(t, "line")
	}
	return rapid.StringMatching(`(\*/[2-5]|[0-5]?[0-9]) (\*|\*/[2-9]) ([0-9]|1[0-9]) \* \* \*`).Draw(t, "line of seconds")
}

func drawCron(t *rapid.T) string {
	field := func(name, pattern string) string { return rapid.StringMatching(pattern).Draw(t, name) }
	return strings.Join([]string{
		field("minute", `\*|\*/(2|7|15)|0|30|[1-5]?[0-9]|([1-5]?[0-9],){1,3}[1-5]?[0-9]`),
		field("hour", `\*|\*/[2-5]|[0-3]|23|22-23|1?[0-9]|2[0-3]|[0-3]-[4-9](/2)?`),
		field("dom", `\*|\*|\*|\*|\?|[12]?[1-9]|\*/3|L|L-([1-9]|1[0-9]|30)|L,15`), field("month", `\*|\*|\*|[1-9]|1[0-2]|mar-oct|\*/2`),
		field("dow", `\*|\*|\*|\*|\?|[0-7]|mon-fri|5-7|(sun|fri|wed|[0-6])(#[1-5]|L)|sat,tueL,1#1`),
	}, " ")
}
