package timing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Parse reads a Spec. Its errors name the field, what is wrong with it and the mend, and are fit for whoever wrote the
// schedule. A Spec that is never due is refused.
func Parse(s Spec) (Timing, error) {
	if err := s.one(); err != nil {
		return Timing{}, err
	}
	loc, err := location(s.TimeZone)
	if err != nil {
		return Timing{}, err
	}
	if err := s.bounds(); err != nil {
		return Timing{}, err
	}
	but, err := s.leftOut()
	if err != nil {
		return Timing{}, err
	}
	t := Timing{start: s.Start, end: s.End, jitter: delay(s.Jitter, s.Seed)}
	if t.nominal, err = s.nominal(loc, but); err != nil {
		return Timing{}, err
	}
	return t, s.due(t, but)
}

// one checks that the schedule says when in one way.
func (s Spec) one() error {
	var set []string
	for _, c := range []struct {
		name string
		is   bool
	}{{"cron", s.Cron != ""}, {"every", s.Every != 0}, {"calendar", len(s.Calendar) > 0}, {"at", !s.At.IsZero()}} {
		if c.is {
			set = append(set, c.name)
		}
	}
	switch {
	case len(set) == 0:
		return errors.New("when: none of cron, every, calendar and at is set; give one of them")
	case len(set) > 1:
		return fmt.Errorf("when: %s are set; give one of them", strings.Join(set, " and "))
	case s.Every == 0 && !s.Anchor.IsZero():
		return fmt.Errorf("anchor: belongs to every, not to %s; leave it out", set[0])
	}
	return nil
}

func location(zone string) (*time.Location, error) {
	if zone == "Local" {
		return nil, errors.New(`time zone "Local": every machine has another one; name an IANA zone such as "Europe/Berlin"`)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: no IANA zone has this name; they look like \"Europe/Berlin\"", zone)
	}
	return loc, nil
}

func (s Spec) bounds() error {
	switch {
	case s.Every < 0:
		return fmt.Errorf("every %s: is negative; give at least 1s", s.Every)
	case s.Every%time.Second != 0:
		return fmt.Errorf("every %s: must be whole seconds, at least 1s", s.Every)
	case s.Every > maxEvery:
		return fmt.Errorf("every %s: must be at most %s; cron and calendar reach further", s.Every, maxEvery)
	case s.Jitter < 0 || s.Jitter > maxJitter || s.Jitter%time.Second != 0:
		return fmt.Errorf("jitter %s: must be whole seconds between 0s and %s", s.Jitter, maxJitter)
	case len(s.Calendar) > maxCalendar:
		return fmt.Errorf("calendar: %d times, at most %d; make two schedules of it", len(s.Calendar), maxCalendar)
	case len(s.Except) > maxExcept:
		return fmt.Errorf("except: %d entries, at most %d; join days to ranges", len(s.Except), maxExcept)
	}
	for _, c := range []struct {
		name  string
		at    time.Time
		whole bool
	}{{"anchor", s.Anchor, true}, {"at", s.At, true}, {"start", s.Start, false}, {"end", s.End, false}} {
		if !c.at.IsZero() && (c.at.Before(earliest()) || c.at.After(latest())) {
			return fmt.Errorf("%s: the year %d is out of reach; give one between 1 and %d", c.name, c.at.UTC().Year(), maxYear)
		}
		if c.whole && c.at.Nanosecond() != 0 {
			return fmt.Errorf("%s %s: must be a whole second", c.name, c.at.Format(time.RFC3339Nano))
		}
	}
	if !s.Start.IsZero() && !s.End.IsZero() && !s.End.After(s.Start) {
		return fmt.Errorf("end %s: is not after the start %s; swap them", rfc(s.End), rfc(s.Start))
	}
	return nil
}

func rfc(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (s Spec) nominal(loc *time.Location, but pattern) (nominal, error) {
	free := wallTimes{clock{loc, true}, but}
	all := len(but.days) == 0 && len(but.leave) == 0
	switch {
	case s.Cron != "":
		l, err := parseLine(s.Cron)
		if err != nil {
			return nil, err
		}
		but.line = l
		return wallTimes{clock{loc, l.bits[2]&allHours == allHours}, but}, nil
	case s.Every != 0 && all:
		return interval{every: int64(s.Every / time.Second), anchor: anchor(s.Anchor)}, nil
	case s.Every != 0:
		return interval{int64(s.Every / time.Second), anchor(s.Anchor), free}, nil
	case len(s.Calendar) > 0:
		return calendar(s.Calendar, loc, but)
	}
	at := s.At.Unix()
	if due, ok := free.next(at-1, at); !ok || due != at {
		return instants{}, nil
	}
	return instants{at}, nil
}

func anchor(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// calendar turns local times into instants; what is left out is gone.
func calendar(texts []string, loc *time.Location, but pattern) (instants, error) {
	all := instants{}
	for i, text := range texts {
		wall, err := wallOf(text)
		if err != nil {
			return nil, fmt.Errorf("calendar[%d] %q: %w", i, text, err)
		}
		if !but.has(wall) {
			continue
		}
		// No offset from UTC reaches two days.
		if due, ok := (clock{loc: loc}).next(single(wall), wall-2*day, wall+2*day); ok {
			all = append(all, due)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func wallOf(text string) (int64, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		t, err := time.Parse(layout, text)
		if err == nil && t.Nanosecond() == 0 && !t.Before(earliest()) && !t.After(latest()) {
			return t.Unix(), nil
		}
	}
	return 0, errors.New(`no such local time; write it as "2026-12-24 18:00", with seconds where they matter`)
}

// single is one wall second.
type single int64

func (s single) next(after, until int64) (int64, bool) {
	return int64(s), int64(s) > after && int64(s) <= until
}
