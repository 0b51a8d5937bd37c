package timing_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"0 2 * * mon-fri":         "at 02:00, Monday to Friday",
		"0 2 * * *":               "at 02:00 every day",
		"@daily":                  "at 00:00 every day",
		"@weekly":                 "at 00:00, Sunday",
		"@monthly":                "at 00:00, on day 1 of the month",
		"@yearly":                 "at 00:00, on day 1 of the month, in January",
		"@hourly":                 "every hour",
		"*/5 * * * *":             "every 5 minutes",
		"* * * * *":               "every minute",
		"* * * * * *":             "every second",
		"*/10 * * * * *":          "every 10 seconds",
		"30 * * * *":              "at minute 30 of every hour",
		"5,20,35 * * * *":         "at minutes 5, 20 and 35 of every hour",
		"*/7 * * * *":             "at every 7th minute from 0 to 56 of every hour",
		"1-59/2 * * * *":          "at every second minute from 1 to 59 of every hour",
		"*/15 9-17 * * 1-5":       "every 15 minutes from 09:00 to 17:59, Monday to Friday",
		"*/15 9-11,14 * * *":      "every 15 minutes from 09:00 to 11:59 and 14:00 to 14:59",
		"0 9,18 * * *":            "at 09:00 and 18:00 every day",
		"30 8,12,17 * * sat,sun":  "at 08:30, 12:30 and 17:30, Saturday and Sunday",
		"5,20 8,9,10,15 * * *":    "at minutes 5 and 20 of the hours 08 to 10 and 15",
		"0-10 2 * * *":            "at minutes 0 to 10 of the hour 02",
		"* 2 * * *":               "every minute from 02:00 to 02:59",
		"0 */2 * * *":             "every 2 hours",
		"15 */2 * * *":            "every 2 hours from 00:15 on",
		"15 */6 * * *":            "at 00:15, 06:15, 12:15 and 18:15 every day",
		"0 8-18/2 * * *":          "at 08:00, 10:00, 12:00, 14:00, 16:00 and 18:00 every day",
		"15 30 2 * * *":           "at 02:30:15 every day",
		"10 * * * * *":            "at second 10 of every minute",
		"5,10 * * * * *":          "at seconds 5 and 10 of every minute",
		"*/10 * 9-17 * * *":       "every 10 seconds from 09:00 to 17:59",
		"*/10 */5 2 * * *":        "every 10 seconds in every fifth minute of the hour 02",
		"1,2,3 1,2 1,2 * * *":     "at seconds 1 to 3 of minutes 1 and 2 of the hours 01 and 02",
		"0 2 1 * *":               "at 02:00, on day 1 of the month",
		"0 2 1,15 * *":            "at 02:00, on days 1 and 15 of the month",
		"0 2 1-7 * *":             "at 02:00, on days 1 to 7 of the month",
		"0 3 */2 * *":             "at 03:00, on every second day from day 1 of the month on",
		"0 2 L * *":               "at 02:00, on the last day of the month",
		"0 2 L-1 * *":             "at 02:00, 1 day before the last day of the month",
		"0 2 L-3 * ?":             "at 02:00, 3 days before the last day of the month",
		"0 2 15,L * *":            "at 02:00, on day 15 of the month and on the last day of the month",
		"0 2 * * fri#2":           "at 02:00, on the second Friday of the month",
		"0 2 ? * 5L":              "at 02:00, on the last Friday of the month",
		"0 2 * * mon#1,mon#3":     "at 02:00, on the first Monday and the third Monday of the month",
		"0 2 * * mon,fri#1,5L":    "at 02:00, on every Monday and on the first Friday and the last Friday of the month",
		"0 0 13 * fri":            "at 00:00, on day 13 of the month or on every Friday",
		"0 0 L * sun#1":           "at 00:00, on the last day of the month or on the first Sunday of the month",
		"0 0 29 2 *":              "at 00:00, on day 29 of the month, in February",
		"0 3 * 1,3,6-9 *":         "at 03:00 every day, in January, March and June to September",
		"0 3 * mar-may sat":       "at 03:00, Saturday, in March to May",
		"0 0 * * fri-sun":         "at 00:00, Friday to Sunday",
		"0 0 * * 7":               "at 00:00, Sunday",
		"0 0 * * tue,thu,sat,sun": "at 00:00, Tuesday, Thursday, Saturday and Sunday",
	} {
		if got := timing.Describe(timing.Spec{Cron: line, TimeZone: "Europe/Berlin"}); got != want+", Europe/Berlin" {
			t.Errorf("%-24s %q, want %q", line, got, want+", Europe/Berlin")
		}
	}
}

func TestDescribeTheRest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	berlin := "Europe/Berlin"
	for _, c := range []struct {
		spec timing.Spec
		want string
	}{
		{timing.Spec{Every: time.Second}, "every second"},
		{timing.Spec{Every: 15 * time.Minute}, "every 15 minutes"},
		{timing.Spec{Every: 90 * time.Minute}, "every 1 hour 30 minutes"},
		{timing.Spec{Every: 24 * time.Hour, Anchor: at, TimeZone: berlin}, "every day, counted from 2026-12-01 09:00, Europe/Berlin"},
		{timing.Spec{At: at}, "once at 2026-12-01 08:00, UTC"},
		{timing.Spec{At: at.Add(time.Second), TimeZone: "Asia/Tokyo"}, "once at 2026-12-01 17:00:01, Asia/Tokyo"},
		{timing.Spec{Calendar: []string{"2026-12-24 18:00"}, TimeZone: berlin}, "at 2026-12-24 18:00, Europe/Berlin"},
		{timing.Spec{Calendar: []string{"2026-12-24 18:00", "2026-12-31 23:59:59"}}, "at 2026-12-24 18:00 and 2026-12-31 23:59:59, UTC"},
		{timing.Spec{Calendar: []string{"2026-12-01 01:00", "2026-12-02 01:00", "2026-12-03 01:00", "2026-12-04 01:00", "2026-12-05 01:00"}}, "at 2026-12-01 01:00, 2026-12-02 01:00, 2026-12-03 01:00 and 2 more times, UTC"},
		{timing.Spec{Cron: "0 2 * * mon-fri", TimeZone: berlin, Except: []string{"2026-12-25"}}, "at 02:00, Monday to Friday, Europe/Berlin; not on 2026-12-25"},
		{timing.Spec{Cron: "*/5 * * * *", Except: []string{"2026-12-24/2027-01-02", "* 0-6 * * *", "30 12 * * *", "* * * * sat,sun"}}, "every 5 minutes, UTC; not from 2026-12-24 to 2027-01-02, from 00:00 to 06:59, at 12:30 every day and Saturday and Sunday"},
		{timing.Spec{Cron: "@daily", Start: at, End: at.AddDate(0, 1, 0), TimeZone: berlin}, "at 00:00 every day, from 2026-12-01 09:00, until before 2027-01-01 09:00, Europe/Berlin"},
		{timing.Spec{Cron: "@daily", Jitter: 5 * time.Minute, Seed: "identity.purge"}, "at 00:00 every day, UTC; each 2 minutes 58 seconds later, to spread the load"},
		{timing.Spec{Every: time.Hour, TimeZone: berlin, Except: []string{"0 12 * * * *"}}, "every hour, Europe/Berlin; not at minute 12 of every hour"},
		{timing.Spec{}, "never: when: none of cron, every, calendar and at is set; give one of them"},
	} {
		if got := timing.Describe(c.spec); got != c.want {
			t.Errorf("%+v:\n got %q\nwant %q", c.spec, got, c.want)
		}
	}
}
