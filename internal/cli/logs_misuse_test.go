package cli

import (
	"strings"
	"testing"
	"time"
)

// A query that cannot be read is shown with the place, and is a mistake on the command line.
func TestAMistakeInAQueryIsPointedAt(t *testing.T) {
	t.Parallel()
	_, url := newLogMesh(t, map[string]string{"": `{"status":400,"code":"invalid","detail":"the query cannot be read","errors":[{"name":"q",
		"detail":"\"loud\" is no level","position":19,"shown":"service:x level>=loud\n                 ^ \"loud\" is no level"}]}`})
	code, stdout, stderr := logsCall(t, url, "service:x", "level>=loud")
	if code != 2 || stdout != "" || !strings.HasSuffix(stderr, "\n  service:x level>=loud\n                   ^\n") {
		t.Errorf("code %d\n%s%s", code, stdout, stderr)
	}
}

func TestTimesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 21, 0, 10, 0, 0, zone)
	for text, want := range map[string]string{
		"15m": "2026-11-20T23:55:00+01:00", "2d": "2026-11-19T00:10:00+01:00", "1w1h30m": "2026-11-13T22:40:00+01:00", "now": "2026-11-21T00:10:00+01:00",
		"23:50": "2026-11-20T23:50:00+01:00", "00:05:30": "2026-11-21T00:05:30+01:00", "2026-11-20": "2026-11-20T00:00:00+01:00",
		"2026-11-20T13:02": "2026-11-20T13:02:00+01:00", "2026-11-20 13:02:01": "2026-11-20T13:02:01+01:00", "2026-11-20T13:02:00Z": "2026-11-20T13:02:00Z",
	} {
		if got, err := instant(text, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "15", "25:00", "2026-13-01", "9999999999999w", "-"} {
		if got, err := instant(text, now); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestMisusesOfLogs(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"want 1 to 1000":          {"-f", "-n", "1001"},
		"do not go with it":       {"-f", "--until", "5m"},
		"is not behind":           {"--since", "5m", "--until", "10m"},
		"--since \"soon\"":        {"--since", "soon"},
		"1 to 100000":             {"-n", "100001"},
		"a name is missing":       {"--columns", "a,,b"},
		"says nothing without":    {"patterns", "--new"},
		"1 to 10":                 {"histogram", "--height", "11"},
		"0 to 500":                {"context", "x", "-B", "501"},
		"must be one of":          {"export", "--format", "xml"},
		"expected \"<field>\"":    {"values"},
		"unknown flag --nonsense": {"gaps", "--nonsense"},
		"signalbox logs gaps --h": {"gaps", "--nonsense"},
		"--limit 1001":            {"--around", "13:02", "-n", "1001"},
	} {
		if code, _, stderr := logsCall(t, "http://127.0.0.1:1", args...); code != 2 || !strings.Contains(stderr, says) {
			t.Errorf("%v: code %d, %q; want 2 and %q", args, code, stderr, says)
		}
	}
}
