package timing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/robfig/cron/v3"
)

// field is a place in a cron line. Its ordinary items (numbers, names, ranges, steps) are read by robfig/cron.
type field struct {
	name  string
	at    int // place in a line of six fields
	low   int
	high  int
	takes string
}

func fields() [6]field {
	return [6]field{
		{"second", 0, 0, 59, "0-59"},
		{"minute", 1, 0, 59, "0-59"},
		{"hour", 2, 0, 23, "0-23"},
		{"day of month", 3, 1, 31, "1-31, L for the last day and L-3 for three days before it"},
		{"month", 4, 1, 12, "1-12 and jan-dec"},
		{"day of week", 5, 0, 7, "0-7 (0 and 7 are Sunday), sun-sat, fri#2 for the second Friday and friL for the last"},
	}
}

const (
	domField = 3
	dowField = 5
	starBit  = 1 << 63 // robfig/cron's mark of a field that is not restricted
)

// read adds the field's items to l.
func (f field) read(text string, l *line) error {
	for item := range strings.SplitSeq(text, ",") {
		if err := f.item(strings.ToLower(item), l); err != nil {
			return fmt.Errorf("%q: %w", item, err)
		}
	}
	return nil
}

func (f field) item(item string, l *line) error {
	switch {
	case item == "":
		return f.taking(errors.New("an item is empty"))
	case strings.HasPrefix(item, "?") && f.at != domField && f.at != dowField:
		return errors.New("? belongs to the day fields; write *")
	case f.at == domField && strings.HasSuffix(item, "w"):
		return errors.New("the nearest weekday (W) is not known here; name the days, or leave out days with except")
	case f.at == domField && strings.HasPrefix(item, "l"):
		return l.lastDay(item)
	case f.at == dowField && strings.Contains(item, "#"):
		return l.nthWeekday(item)
	case f.at == dowField && strings.HasSuffix(item, "l"):
		return l.lastWeekday(item)
	}
	bits, err := f.plain(item)
	if err != nil {
		return f.taking(err)
	}
	l.bits[f.at] |= bits
	return nil
}

func (f field) taking(err error) error {
	return fmt.Errorf("%w; this field takes %s, ranges 1-5, steps */5 and lists 1,3", err, f.takes)
}

// lastDay reads L and L-n of the day of month.
func (l *line) lastDay(item string) error {
	if item == "l" {
		l.back |= 1
		return nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(item, "l-"))
	if err != nil || n < 1 || n > 30 || !strings.HasPrefix(item, "l-") {
		return errors.New("want L, or L-1 to L-30")
	}
	l.back |= 1 << n
	return nil
}

func (l *line) nthWeekday(item string) error {
	day, nth, _ := strings.Cut(item, "#")
	n, err := strconv.Atoi(nth)
	if err != nil || n < 1 || n > 5 {
		return errors.New("want 1 to 5 behind #: fri#2; the last one is friL")
	}
	weekday, err := oneWeekday(day)
	l.nth[weekday] |= 1 << n
	return err
}

func (l *line) lastWeekday(item string) error {
	if item == "l" {
		return errors.New("want the day of the week before L: friL")
	}
	weekday, err := oneWeekday(strings.TrimSuffix(item, "l"))
	l.nth[weekday] |= 1
	return err
}

func oneWeekday(text string) (int, error) {
	if i := slices.Index(weekdays(), text); i >= 0 {
		return i, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 7 {
		return 0, errors.New("want one day of the week before # or L: fri#2, friL")
	}
	return n % 7, nil
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// plain reads one item with robfig/cron, which knows Sunday as 0 only.
func (f field) plain(item string) (uint64, error) {
	if f.at != dowField {
		return f.robfig(item)
	}
	span, step, stepped := strings.Cut(item, "/")
	low, high, ranged := strings.Cut(span, "-")
	switch {
	case !ranged && low == "7":
		return f.robfig(strings.Replace(item, "7", "0", 1))
	case ranged && (high == "7" || high == "sun" && low != "sun" && low != "0"):
		return f.toSunday(low, step, stepped)
	}
	return f.robfig(item)
}

// toSunday reads a range that ends on Sunday as the seventh day: fri-sun, 1-7/2.
func (f field) toSunday(low, step string, stepped bool) (uint64, error) {
	from, err := oneWeekday(low)
	if err != nil {
		return 0, errors.New("the range does not begin with a day of the week")
	}
	if low == "7" {
		return 1, nil
	}
	by := 1
	if stepped {
		if by, err = strconv.Atoi(step); err != nil || by < 1 {
			return 0, errors.New("a step is a number from 1")
		}
	}
	var bits uint64
	for day := from; day <= 7; day += min(by, 8) {
		bits |= 1 << (day % 7)
	}
	return bits, nil
}

func (f field) robfig(item string) (uint64, error) {
	if err := f.bounded(item); err != nil {
		return 0, err
	}
	all := []string{"0", "0", "0", "1", "1", "*"}
	all[f.at] = item
	parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse(strings.Join(all, " "))
	if err != nil {
		return 0, plainly(err, item)
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return 0, errors.New("not understood")
	}
	return [6]uint64{spec.Second, spec.Minute, spec.Hour, spec.Dom, spec.Month, spec.Dow}[f.at], nil
}

// bounded says plainly what robfig/cron would say of numbers out of bounds, and refuses steps that it would overflow on.
func (f field) bounded(item string) error {
	span, step, stepped := strings.Cut(item, "/")
	for _, end := range strings.Split(span, "-") {
		if n, err := strconv.Atoi(end); err == nil && (n < f.low || n > f.high) {
			return fmt.Errorf("%d is not between %d and %d", n, f.low, f.high)
		}
	}
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1 || n > 60) {
		return errors.New("a step is a number from 1 to 60")
	}
	return nil
}

func plainly(err error, item string) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "beyond end of range"):
		return errors.New("the range ends before it begins; write it as two")
	case strings.Contains(text, "parse int"):
		return errors.New("neither a number nor a known name")
	}
	return errors.New(strings.TrimSuffix(text, ": "+item))
}
