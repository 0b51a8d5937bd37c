package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	ago     = regexp.MustCompile(`^-?((\d+(\.\d+)?)(w|d|h|ms|m|s))+$`)
	agoPart = regexp.MustCompile(`(\d+(?:\.\d+)?)(w|d|h|ms|m|s)`)
)

// instant reads a time as people write it: how long ago, a time of the last 24 hours, a local time, or RFC 3339.
func instant(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if d, ok := span(text); ok {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1)); err == nil {
		return t, nil
	}
	plain := strings.Replace(text, "T", " ", 1)
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, plain, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation("2006-01-02 "+layout, now.Format("2006-01-02 ")+plain, now.Location()); err == nil {
			return past(t, now), nil
		}
	}
	return now, fmt.Errorf("%q: want how long ago (15m, 2h, 7d), a time of today (13:02), a local time (2026-11-21T13:02), or RFC 3339 (2026-11-21T13:02:00Z)", text)
}

// sinceThen is a --since within a sentence: in the last 24h, since 13:02.
func sinceThen(text string) string {
	if _, ok := span(text); ok {
		return "in the last " + strings.TrimPrefix(text, "-")
	}
	return "since " + text
}

// past: at 00:10, "23:50" is yesterday's.
func past(t, now time.Time) time.Time {
	if t.After(now.Add(time.Minute)) {
		return t.AddDate(0, 0, -1)
	}
	return t
}

// span reads a duration with days and weeks. Without a unit it is none.
func span(text string) (total time.Duration, ok bool) {
	if !ago.MatchString(text) {
		return 0, false
	}
	for _, part := range agoPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, false
		}
		d := time.Duration(n * float64(unit(part[2])))
		if n*float64(unit(part[2])) > float64(100*365*24*time.Hour) {
			return 0, false
		}
		total += d
	}
	return total, true
}

func unit(name string) time.Duration {
	switch name {
	case "w":
		return 7 * 24 * time.Hour
	case "d":
		return 24 * time.Hour
	case "h":
		return time.Hour
	case "m":
		return time.Minute
	case "s":
		return time.Second
	default:
		return time.Millisecond
	}
}
