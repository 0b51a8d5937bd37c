package timing

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"time"
)

// line is a cron line that was understood. Bit n of a field is the value n.
type line struct {
	text  string
	given []string  // its fields; six
	bits  [6]uint64 // second, minute, hour, day of month, month, day of week; starBit: not restricted
	back  uint32    // bit n: n days before the last of the month
	nth   [7]uint8  // by weekday; bit n: its nth in the month, bit 0: its last
}

// parseLine refuses what nobody means: a zone in the text, @every (an interval is a field of its own), lists with an
// empty item, and dates that never come.
func parseLine(text string) (line, error) {
	text = strings.TrimSpace(text)
	l := line{text: text}
	switch {
	case len(text) > maxCron:
		return l, fmt.Errorf("cron: longer than %d characters; make two schedules of it", maxCron)
	case text == "":
		return l, errors.New(`cron: empty; write five or six fields, "0 2 * * mon-fri"`)
	case strings.Contains(text, "TZ="):
		return l, fmt.Errorf("cron %q: the time zone is a field of its own, time_zone", text)
	}
	given, err := split(text)
	if err != nil {
		return l, fmt.Errorf("cron %q: %w", text, err)
	}
	l.given = given
	shift := 6 - len(strings.Fields(text))
	for _, f := range fields() {
		if err := f.read(given[f.at], &l); err != nil {
			return l, fmt.Errorf("cron %q: field %d (%s) %w", text, max(f.at+1-shift, 1), f.name, err)
		}
	}
	if !l.comes() {
		return l, fmt.Errorf("cron %q: field %d (%s) %q and field %d (%s) %q: this date never comes; change one of them",
			text, 4-shift, fields()[domField].name, given[domField], 5-shift, fields()[4].name, given[4])
	}
	return l, nil
}

// split gives the six fields of a line; a descriptor is the line it stands for.
func split(text string) ([]string, error) {
	if strings.HasPrefix(text, "@") {
		long, ok := descriptors()[strings.ToLower(text)]
		switch {
		case ok:
			return strings.Fields("0 " + long), nil
		case strings.HasPrefix(text, "@every"):
			return nil, errors.New("an interval is a field of its own, every")
		}
		return nil, errors.New("not known; there are @yearly, @annually, @monthly, @weekly, @daily, @midnight and @hourly")
	}
	given := strings.Fields(text)
	switch len(given) {
	case 5:
		return append([]string{"0"}, given...), nil
	case 6:
		return given, nil
	}
	return nil, fmt.Errorf("%s; write five (minute, hour, day of month, month, day of week) or six (a second before them)", plural(len(given), "field"))
}

func descriptors() map[string]string {
	return map[string]string{
		"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
		"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
	}
}

func (l line) comes() bool {
	for year := 2024; year < 2064; year++ {
		for month := time.January; month <= time.December; month++ {
			if l.days(year, month) != 0 {
				return true
			}
		}
	}
	return false
}

// days of that month which the line names: bit n is day n.
func (l line) days(year int, month time.Month) uint64 {
	if l.bits[4]&(1<<month) == 0 {
		return 0
	}
	last := daysIn(year, month)
	all := uint64(1)<<(last+1) - 2
	byDate := l.bits[domField]
	for n := range last {
		if l.back&(1<<n) != 0 {
			byDate |= 1 << (last - n)
		}
	}
	first := int(time.Date(year, month, 1, 0, 0, 0, 0, time.UTC).Weekday())
	var byWeekday uint64
	for weekday := range 7 {
		byWeekday |= l.weekday(weekday, 1+(weekday-first+7)%7, last)
	}
	if byDate&starBit != 0 || l.bits[dowField]&starBit != 0 {
		return byDate & byWeekday & all
	}
	return (byDate | byWeekday) & all
}

// weekday is its days in a month in which it comes on the first one and all seven days after it.
func (l line) weekday(weekday, first, last int) (days uint64) {
	for day, n := first, 1; day <= last; day, n = day+7, n+1 {
		if l.bits[dowField]&(1<<weekday) != 0 || l.nth[weekday]&(1<<n) != 0 || l.nth[weekday]&1 != 0 && day+7 > last {
			days |= 1 << day
		}
	}
	return days
}

// daysIn is how many days a month has.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// from is the lowest set bit of set that is at least low; -1 when there is none. Marks above 59 are no values.
func from(set uint64, low int) int {
	if set = set & (1<<60 - 1) >> low << low; set == 0 {
		return -1
	}
	return bits.TrailingZeros64(set)
}
