package timing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// A refusal names the field, what is wrong with it, and the mend.
func TestRefusedTimings(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 12, n, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		spec timing.Spec
		says string // parts of the error, in order
	}{
		{timing.Spec{}, "when:|none of cron, every, calendar and at|give one"},
		{timing.Spec{Cron: "* * * * *", Every: time.Minute}, "when:|cron and every|give one"},
		{timing.Spec{At: day(1), Calendar: []string{"2026-12-24 18:00"}}, "when:|calendar and at|give one"},
		{timing.Spec{Every: -time.Second}, "every -1s|negative|at least 1s"},
		{timing.Spec{Every: 1500 * time.Millisecond}, "every 1.5s|whole seconds"},
		{timing.Spec{Every: 400 * 24 * time.Hour}, "every|at most"},
		{timing.Spec{Every: time.Hour, Anchor: time.Unix(0, 5)}, "anchor|whole second"},
		{timing.Spec{Cron: "@daily", Anchor: day(1)}, "anchor|belongs to every|leave it out"},
		{timing.Spec{At: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, "at:|20000|9999"},
		{timing.Spec{Cron: "0 0 31 2 *"}, `cron "0 0 31 2 *"|field 3 (day of month) "31"|field 4 (month) "2"|never comes|change`},
		{timing.Spec{Cron: "0 0 0 30 feb ?"}, `field 4 (day of month) "30"|field 5 (month) "feb"|never comes`},
		{timing.Spec{Cron: "0 0 L-29 2 *"}, `field 3 (day of month) "L-29"|never comes`},
		{timing.Spec{Cron: "61 * * * *"}, `field 1 (minute) "61"|61 is not between 0 and 59|takes 0-59`},
		{timing.Spec{Cron: "0 5,24 * * *"}, `field 2 (hour) "24"|between 0 and 23`},
		{timing.Spec{Cron: "0 0 0 * * mon-fri,fry"}, `field 6 (day of week) "fry"|neither a number nor a known name|sun-sat`},
		{timing.Spec{Cron: "0 0 * foo *"}, `field 4 (month) "foo"|jan-dec`},
		{timing.Spec{Cron: "0 0 0-5 * *"}, `field 3 (day of month) "0-5"|between 1 and 31`},
		{timing.Spec{Cron: "0 0 * * 8"}, `field 5 (day of week) "8"|between 0 and 7`},
		{timing.Spec{Cron: "* * * *"}, "4 fields|five|six"},
		{timing.Spec{Cron: "daily"}, "1 field;|five|six"},
		{timing.Spec{Cron: "@daily", Except: []string{"christmas"}}, `except[0] "christmas"|no such day|2026-12-25|cron line`},
		{timing.Spec{Cron: "0 0 0 * * * 2026"}, "7 fields|five|six"},
		{timing.Spec{Cron: ", * * * *"}, "field 1 (minute)|empty"},
		{timing.Spec{Cron: "TZ=UTC"}, "time_zone"},
		{timing.Spec{Cron: "CRON_TZ=Europe/Berlin 0 0 * * *"}, "time_zone"},
		{timing.Spec{Cron: "@every 1h"}, "every"},
		{timing.Spec{Cron: "@reboot"}, "not known|@daily"},
		{timing.Spec{Cron: " "}, "cron|empty|five or six"},
		{timing.Spec{Cron: strings.Repeat("1,", 200) + "1 * * * *"}, "cron|256"},
		{timing.Spec{Cron: "5-3 * * * *"}, `field 1 (minute) "5-3"|ends before it begins|as two`},
		{timing.Spec{Cron: "*/0 * * * *"}, `"*/0"|step`},
		{timing.Spec{Cron: "*/18446744073709551615 * * * *"}, "step"},
		{timing.Spec{Cron: "1-2-3 * * * *"}, `"1-2-3"|hyphens`},
		{timing.Spec{Cron: "? * * * *"}, `field 1 (minute) "?"|write *`},
		{timing.Spec{Cron: "0 0 15W * *"}, `field 3 (day of month) "15W"|nearest weekday|name the days`},
		{timing.Spec{Cron: "0 0 LW * *"}, `"LW"|nearest weekday`},
		{timing.Spec{Cron: "0 0 L-31 * *"}, `"L-31"|L-1 to L-30`},
		{timing.Spec{Cron: "0 0 L+3 * *"}, `"L+3"|L-1 to L-30`},
		{timing.Spec{Cron: "0 0 * * L"}, `field 5 (day of week) "L"|friL`},
		{timing.Spec{Cron: "0 0 * * fri#6"}, `"fri#6"|1 to 5|friL`},
		{timing.Spec{Cron: "0 0 * * mon-fri#2"}, `"mon-fri#2"|one day`},
		{timing.Spec{Cron: "@daily", TimeZone: "Middle/Earth"}, `time zone "Middle/Earth"|Europe/Berlin`},
		{timing.Spec{Cron: "@daily", TimeZone: "Local"}, `time zone "Local"|Europe/Berlin`},
		{timing.Spec{Cron: "@daily", TimeZone: "../etc/passwd"}, "time zone"},
		{timing.Spec{Cron: "@daily", Start: day(5), End: day(4)}, "end|start|swap"},
		{timing.Spec{Cron: "0 2 * * *", Start: day(5), End: day(5).Add(time.Hour)}, "end 2026-12-05T01:00:00Z|first due time 2026-12-05T02:00:00Z|end later"},
		{timing.Spec{At: day(5), End: day(4)}, "end|first due time 2026-12-05|end later"},
		{timing.Spec{At: day(5), Start: day(6)}, "start 2026-12-06|begin earlier"},
		{timing.Spec{Calendar: []string{"2026-12-24 18:00", "2026-02-30 12:00"}}, `calendar[1] "2026-02-30 12:00"|no such local time|2026-12-24 18:00`},
		{timing.Spec{Calendar: []string{"2026-12-24 18:00"}, Except: []string{"2026-12-24"}}, "except|nothing|leave out less"},
		{timing.Spec{At: day(5), Except: []string{"0 0 5 * *"}}, "except|nothing|leave out less"},
		{timing.Spec{Cron: "@daily", Except: []string{"0 0 * * *"}}, "except|nothing|leave out less"},
		{timing.Spec{Cron: "0 9 * * mon-fri", Except: []string{"* 0-12 * * *", "2026-01-01", "* * * * sat"}}, "except|nothing|leave out less"},
		{timing.Spec{Every: 2 * time.Second, Except: []string{"*/2 * * * * *"}}, "except|nothing|leave out less"},
		{timing.Spec{Cron: "@daily", Start: day(5), End: day(9), Except: []string{"2026-12-01/2026-12-31"}}, "except|nothing|leave out less"},
		{timing.Spec{Cron: "@daily", Except: []string{"0001-01-01/9999-12-31"}}, "except|nothing|leave out less"},
		{timing.Spec{Cron: "@daily", Except: []string{"2026-02-20", "2026-02-30"}}, `except[1] "2026-02-30"|no such day|2026-12-25`},
		{timing.Spec{Cron: "@daily", Except: []string{"2026-02-20/2026-01-01"}}, "except[0]|ends before it begins|swap"},
		{timing.Spec{Cron: "@daily", Except: []string{"0 0 31 2 *"}}, "except[0]|field 3|never comes"},
		{timing.Spec{Cron: "@daily", Except: slicesOf("1 1 1 1 *", 11)}, "except[10]|10 cron lines|join"},
		{timing.Spec{Cron: "@daily", Except: slicesOf("2026-02-20", 1001)}, "except|1001|1000"},
		{timing.Spec{Calendar: slicesOf("2026-12-24 18:00", 1001)}, "calendar|1001|1000"},
		{timing.Spec{Cron: "@daily", Jitter: -time.Second}, "jitter -1s|between"},
		{timing.Spec{Cron: "@daily", Jitter: 25 * time.Hour}, "jitter|24h"},
	} {
		_, err := timing.Parse(c.spec)
		if err == nil {
			t.Errorf("%+v is taken", c.spec)
			continue
		}
		rest := err.Error()
		for part := range strings.SplitSeq(c.says, "|") {
			var ok bool
			if _, rest, ok = strings.Cut(rest, part); !ok {
				t.Errorf("%+v: %q does not say %q", c.spec, err, part)
				break
			}
		}
	}
}

func slicesOf(text string, n int) (all []string) {
	for range n {
		all = append(all, text)
	}
	return all
}

// What is taken and is easily thought malformed.
func TestTakenTimings(t *testing.T) {
	t.Parallel()
	for _, s := range []timing.Spec{
		{Cron: "0 0 29 2 *"}, {Cron: "0 0 31 2 fri"}, {Cron: "0 0 * * 7"}, {Cron: "0 0 * * FRI-SUN"},
		{Cron: "@Daily"}, {Cron: "  0   0 * * *  "}, {Cron: "0\t2 * * *", Except: []string{" 2026-12-25 ", "0\t2\t* * mon"}}, {Cron: "0 0 L-30 * *"}, {Cron: "0 0 * 2 fri#5"}, {Cron: "0 0 l * SUNL"},
		{Cron: "@daily", End: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, {At: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Cron: "@daily", Except: []string{"2000-01-01/2030-01-01"}}, {Every: time.Hour, Except: []string{"* * * * sat,sun"}, Jitter: time.Minute},
	} {
		if _, err := timing.Parse(s); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
