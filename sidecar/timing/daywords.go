package timing

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dayWords says which days: "Monday to Friday", "on day 1 of the month or on the last Friday of the month"; empty for
// every day.
func (l line) dayWords() string {
	dates, weekdays := l.dateWords(), l.weekdayWords()
	switch {
	case l.bits[domField]&starBit != 0 && l.bits[dowField]&starBit != 0:
		return ""
	case l.bits[domField]&starBit != 0:
		if l.nth == [7]uint8{} {
			return strings.TrimPrefix(weekdays, "on every ")
		}
		return weekdays
	case l.bits[dowField]&starBit != 0:
		return dates
	}
	return dates + " or " + weekdays
}

func (l line) dateWords() string {
	var words []string
	if all := values(l.bits[domField], 32); len(all) > 4 && all[1]-all[0] > 1 && progression(all, all[1]-all[0]) {
		words = append(words, fmt.Sprintf("on every %s day from day %d of the month on", nth(all[1]-all[0]), all[0]))
	} else if len(all) > 0 {
		words = append(words, "on "+noun(len(all), "day")+" "+runs(all, strconv.Itoa)+" of the month")
	}
	for n := range 31 {
		switch {
		case l.back&(1<<n) == 0:
		case n == 0:
			words = append(words, "on the last day of the month")
		default:
			words = append(words, plural(n, "day")+" before the last day of the month")
		}
	}
	return list(words)
}

func (l line) weekdayWords() string {
	words := runs(fromMonday(values(l.bits[dowField], 7)), func(d int) string { return time.Weekday(d % 7).String() })
	var counted []string
	for i := range 7 {
		weekday := (i + 1) % 7
		for n := range 6 {
			if set := l.nth[weekday] & (1 << ((n + 1) % 6)); set != 0 {
				which := nth(n + 1)
				if n == 5 {
					which = "last"
				}
				counted = append(counted, "the "+which+" "+time.Weekday(weekday).String())
			}
		}
	}
	switch {
	case len(counted) == 0:
		return "on every " + words
	case words == "":
		return "on " + list(counted) + " of the month"
	}
	return "on every " + words + " and on " + list(counted) + " of the month"
}

// fromMonday counts Sunday as the seventh day.
func fromMonday(days []int) []int {
	if len(days) > 0 && days[0] == 0 {
		return append(days[1:], 7)
	}
	return days
}

func (l line) monthWords() string {
	all := values(l.bits[4]>>1, 12)
	if len(all) == 12 {
		return ""
	}
	return "in " + runs(all, func(m int) string { return time.Month(m + 1).String() })
}
