package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// timingFlags say when, beside a cron line.
type timingFlags struct {
	Every    *duration `help:"An interval: 90s, 15m, 1h30m, 2d." placeholder:"TIME"`
	Anchor   string    `help:"Where the interval counts from; else 1970-01-01T00:00:00Z." placeholder:"TIME"`
	Calendar []string  `sep:"none" help:"A local time, '2026-12-24 18:00'; may be given several times." placeholder:"TIME"`
	At       string    `help:"Once: '2026-12-24 18:00' in the time zone, or RFC 3339." placeholder:"TIME"`
	TimeZone string    `name:"tz" help:"IANA time zone; else UTC." placeholder:"ZONE"`
	Start    string    `help:"Nothing is due before it." placeholder:"TIME"`
	End      string    `help:"Nothing is due at it or later." placeholder:"TIME"`
	Except   []string  `sep:"none" help:"Left out: a day 2026-12-25, days 2026-12-24/2027-01-02, or a cron line; may be given several times." placeholder:"WHAT"`
	Jitter   *duration `help:"A fixed delay below it, drawn from the name." placeholder:"TIME"`
}

// apply puts what was given into a spec. A way to say when takes the place of the one that was there.
func (f timingFlags) apply(cron string, s *api.Spec) error {
	if f.TimeZone != "" {
		s.TimeZone = f.TimeZone
	}
	if err := inSeconds("every", f.Every); err != nil {
		return err
	}
	if f.Jitter != nil && *f.Jitter != 0 { // 0: none any more
		if err := inSeconds("jitter", f.Jitter); err != nil {
			return err
		}
	}
	if cron != "" || f.Every != nil || len(f.Calendar) > 0 || f.At != "" {
		s.Cron, s.EverySecs, s.Calendar, s.At, s.Anchor = cron, wholeSeconds(f.Every), f.Calendar, nil, nil
	}
	if len(f.Except) > 0 {
		s.Except = f.Except
	}
	if f.Jitter != nil {
		s.JitterSecs = wholeSeconds(f.Jitter)
	}
	for _, one := range []struct {
		flag, text string
		into       **time.Time
	}{{"anchor", f.Anchor, &s.Anchor}, {"at", f.At, &s.At}, {"start", f.Start, &s.Start}, {"end", f.End, &s.End}} {
		if one.text == "" {
			continue
		}
		at, err := zoned(one.text, s.TimeZone)
		if err != nil {
			return misuse("--%s %w", one.flag, err)
		}
		*one.into = &at
	}
	return nil
}

// inSeconds refuses what would be cut off, and none at all: that would be taken for a flag that was not given.
func inSeconds(flag string, d *duration) error {
	if d == nil || time.Duration(*d) >= time.Second && time.Duration(*d)%time.Second == 0 {
		return nil
	}
	return misuse("--%s %s: want whole seconds, at least 1s", flag, time.Duration(*d))
}

func wholeSeconds(d *duration) int64 {
	if d == nil {
		return 0
	}
	return int64(time.Duration(*d) / time.Second)
}

// zoned reads RFC 3339, or a time on the zone's clock.
func zoned(text, zone string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, strings.Replace(text, " ", "T", 1)); err == nil {
		return at.UTC(), nil
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q: no IANA time zone is called %q", text, zone)
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, strings.Replace(text, "T", " ", 1), loc); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a local time (2026-12-24 18:00), a day, or RFC 3339 (2026-12-24T18:00:00Z)", text)
}
