package cli

import (
	"strings"
	"testing"
	"time"
)

// No mesh is asked, and a change of clock among the due times is noted.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says []string
	}{
		{[]string{"0 2 * * mon-fri", "--tz", "Europe/Berlin", "--from", "2026-11-20 12:00"}, 0, []string{"at 02:00, Monday to Friday, Europe/Berlin\n", "Mon 2026-11-23 02:00:00 +01:00   2026-11-23T01:00:00Z   2d 14h"}},
		{[]string{"30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-03-28", "-n", "2"}, 0, []string{"Sun 2026-03-29 03:00:00 +02:00", "clocks go from 02:00 to 03:00: 02:30 is missing that day, due right after it"}},
		{[]string{"0 3 * * *", "--tz", "Europe/Berlin", "--from", "2026-03-29", "-n", "1"}, 0, []string{"03:00:00 +02:00", "clocks go from 02:00 to 03:00\n"}},
		{[]string{"30 2 * * *", "--tz", "Europe/Berlin", "--from", "2026-10-25", "-n", "1"}, 0, []string{"clocks go back from 03:00 to 02:00: 02:30 comes twice, this is the first"}},
		{[]string{"30 * * * *", "--tz", "Europe/Berlin", "--from", "2026-10-25", "-n", "5"}, 0, []string{"02:30 comes twice, this is the first", "02:30 comes twice, this is the second"}},
		{[]string{"30 23 * * *", "--tz", "America/Nuuk", "--from", "2026-03-28", "-n", "1"}, 0, []string{"22:59:59", "23:30 is missing that day, due in the last second before it"}},
		{[]string{"--every", "90m", "--anchor", "2026-11-21 08:00", "--from", "2026-11-21T08:00:00Z", "--json"}, 0, []string{`"due": "2026-11-21T09:30:00Z"`, `"text": "every 1 hour 30 minutes`}},
		{[]string{"--at", "2020-01-01"}, 0, []string{"never due from now on"}},
		{[]string{"0 0 31 2 *"}, 2, []string{`field 3 (day of month) "31"`}},
		{[]string{"0 0 * * *", "--tz", "Middle/Earth"}, 2, []string{"no IANA zone"}},
		{split("0 2 README.md LICENSE mon-fri"), 2, []string{`needs quotes`}},
		{nil, 2, []string{"none of cron, every, calendar and at"}},
	} {
		code, out, errs := call(t, nil, "", append([]string{"schedule", "explain"}, c.args...)...)
		for _, part := range c.says {
			if code != c.code || !strings.Contains(out+errs, part) {
				t.Errorf("%q: code %d, no %q in\n%s%s", c.args, code, part, out, errs)
			}
		}
	}
}

func TestNearMoments(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)
	for want, at := range map[string]time.Time{"13:00:05": now.Add(time.Hour + 5*time.Second), "11-22 03:41": time.Date(2026, 11, 22, 3, 41, 0, 0, time.Local), "2027-01-01": time.Date(2027, 1, 1, 0, 0, 0, 0, time.Local)} {
		if got := near(&at, now); got != want {
			t.Errorf("%s: %q, want %q", at, got, want)
		}
	}
	if got := near(nil, now); got != "–" {
		t.Error(got)
	}
}

func TestShortDurations(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{"15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1h": time.Hour, "90ms": 90 * time.Millisecond, "1m30s": 90 * time.Second, "10s": 10 * time.Second} {
		if got := shortly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
