package timing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// Whatever is written: no panic, no endless search, and due times that come one after the other.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"* * * * *", "@daily", "TZ=UTC", "*/5 0-4 1,2 jan mon", "0 0 31 2 *", "60 * * * *", "? ? ? ? ?", "*/18446744073709551615 * * * *",
		"0 2 L * *", "0 2 L-3,15 * fri#2", "7 2 L,15 */2 sat,tueL,1#1", "0 0 15W * *", "*/10 */2 0-4 * * 5-7/2", "0 0 l-30 * 7L",
	} {
		f.Add(seed, "Europe/Berlin", "")
		f.Add("*/7 * * * * *", "Africa/Casablanca", seed)
	}
	f.Add("@hourly", "America/Nuuk", "2026-03-28/2026-04-01;* 0-6 * * *;* * * * sat#1")
	f.Fuzz(func(t *testing.T, cron, zone, except string) {
		s := timing.Spec{Cron: cron, TimeZone: zone, Except: exclusions(except), Jitter: time.Minute, Seed: cron}
		next, err := timing.Parse(s)
		if err != nil {
			return
		}
		walk(t, s, next, time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC))
		if words := timing.Describe(s); words == "" || strings.HasPrefix(words, "never") {
			t.Errorf("%+v is %q", s, words)
		}
	})
}

// The times that a schedule holds and is asked at may be anything too.
func FuzzNext(f *testing.F) {
	f.Add(int64(900), int64(0), int64(0), int64(0), int64(0), int64(1_774_745_999), "")
	f.Add(int64(7), int64(3600), int64(1_774_000_000), int64(1_775_000_000), int64(300), int64(1_774_745_999), "* 0-22 * * *")
	f.Add(int64(0), int64(1_774_745_999), int64(0), int64(0), int64(86400), int64(-1<<62), "2026-03-29")
	f.Add(int64(2), int64(0), int64(0), int64(0), int64(0), int64(1<<62), "1-59/2 * * * * *;* 1-23 * * *")
	f.Fuzz(func(t *testing.T, every, anchor, start, end, jitter, after int64, except string) {
		s := timing.Spec{
			Every: time.Duration(every) * time.Second, Start: moment(start), End: moment(end),
			Jitter: time.Duration(jitter) * time.Second, Except: exclusions(except), TimeZone: "Australia/Lord_Howe", Seed: except,
		}
		if s.Anchor = moment(anchor); every == 0 {
			s.At, s.Anchor = s.Anchor, time.Time{}
		}
		if next, err := timing.Parse(s); err == nil {
			walk(t, s, next, time.Unix(after, 999_999_999))
		}
	})
}

func exclusions(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ";")
}

func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

func walk(t *testing.T, s timing.Spec, next timing.Timing, at time.Time) {
	t.Helper()
	for range 5 {
		due := next.Next(at)
		if due.IsZero() {
			return
		}
		switch {
		case !due.After(at):
			t.Errorf("%+v: %s is not after %s", s, due, at)
		case due.Add(-s.Jitter).Before(s.Start) && due.Before(s.Start), !s.End.IsZero() && !due.Add(-s.Jitter).Before(s.End):
			t.Errorf("%+v: %s is out of start and end", s, due)
		case due.Nanosecond() != 0:
			t.Errorf("%+v: %s is no whole second", s, due)
		}
		at = due
	}
}
