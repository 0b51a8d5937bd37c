package timing

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// leftOut is every second but those that Except names.
func (s Spec) leftOut() (pattern, error) {
	p := pattern{line: everySecond()}
	for i, text := range s.Except {
		if err := p.leaveOut(text); err != nil {
			return p, fmt.Errorf("except[%d] %q: %w", i, text, err)
		}
	}
	p.days = merge(p.days)
	return p, nil
}

func everySecond() line {
	all := uint64(1)<<60 - 1
	return line{bits: [6]uint64{all, all, allHours, all | starBit, all, all | starBit}}
}

func (p *pattern) leaveOut(text string) error {
	if text = strings.TrimSpace(text); !isDay(text) {
		return p.leaveLine(text)
	}
	first, last, ranged := strings.Cut(text, "/")
	from, err := dayOf(first)
	if err != nil {
		return err
	}
	to := from
	if ranged {
		if to, err = dayOf(last); err != nil {
			return err
		}
	}
	if to < from {
		return errors.New("the range ends before it begins; swap the days")
	}
	p.days = append(p.days, dates{from, to})
	return nil
}

// isDay tells days from cron lines, which have several fields or begin with @.
func isDay(text string) bool {
	return !strings.HasPrefix(text, "@") && len(strings.Fields(text)) < 2
}

func dayOf(text string) (int64, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf(`no such day as %q; write "2026-12-25", "2026-12-24/2027-01-02", or a cron line`, text)
	}
	return floor(t.Unix(), day), nil
}

func (p *pattern) leaveLine(text string) error {
	if len(p.leave) == maxLeftOut {
		return fmt.Errorf("at most %d cron lines; join some of them", maxLeftOut)
	}
	l, err := parseLine(text)
	if err != nil {
		return err
	}
	if len(strings.Fields(text)) != len(l.given) {
		l.bits[0] = everySecond().bits[0] // a line of minutes leaves out whole ones
	}
	p.leave = append(p.leave, l)
	return nil
}

// due refuses a timing that is never due. Where nothing says from when on, now is not known here: any time will do.
func (s Spec) due(t Timing, but pattern) error {
	from := []time.Time{time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}
	switch {
	case !s.Start.IsZero():
		from = []time.Time{s.Start.Add(-time.Nanosecond)}
	case len(s.Calendar) > 0, !s.At.IsZero():
		from = []time.Time{earliest()}
	case !s.End.IsZero():
		from = []time.Time{s.End.Add(-horizon * time.Second / 2)}
	}
	if n := len(but.days); n > 0 {
		from = append(from, time.Unix((but.days[n-1].to+2)*day, 0))
	}
	for _, after := range from {
		if !t.Next(after.Add(t.jitter)).IsZero() {
			return nil
		}
	}
	return s.never(t, from[0])
}

// never says which field is to blame.
func (s Spec) never(t Timing, after time.Time) error {
	open := s
	open.End, open.Except = time.Time{}, nil
	if len(s.Except) > 0 {
		plain, err := open.bare(t, after)
		if err != nil || s.End.IsZero() || plain.Before(s.End) {
			return errors.New("except: leaves nothing of the schedule, it would never be due; leave out less")
		}
	}
	first, err := open.bare(t, after)
	switch {
	case err != nil:
		return err
	case first.IsZero():
		return fmt.Errorf("start %s: nothing is due after it; begin earlier", rfc(s.Start))
	}
	return fmt.Errorf("end %s: is not after the first due time %s, so it would never be due; end later", rfc(s.End), rfc(first))
}

// bare is the first due time of a spec that has neither end nor exclusions, before jitter.
func (s Spec) bare(t Timing, after time.Time) (time.Time, error) {
	loc, err := location(s.TimeZone)
	if err != nil {
		return time.Time{}, err
	}
	t.nominal, err = s.nominal(loc, pattern{line: everySecond()})
	t.end, t.jitter = time.Time{}, 0
	return t.Next(after), err
}
