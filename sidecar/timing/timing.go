// Package timing says when something is due: cron lines, intervals, calendar times and single instants, in a time zone,
// with a start, an end, exclusions and a stable jitter. It is pure: no clock but the time that is given.
package timing

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

const (
	maxEvery = 366 * 24 * time.Hour
	maxCron  = 256 // characters
	allHours = 1<<24 - 1
	// segments bounds the search over changes of a zone's clock; five years of the busiest zone have 20.
	segments = 64
)

// Spec says when something is due. Exactly one of Cron, Every, Calendar and At is set.
type Spec struct {
	Cron     string        // 5 or 6 fields, @daily and the like, names, lists, L, #
	Every    time.Duration // whole seconds
	Anchor   time.Time     // of Every; zero: the Unix epoch
	Calendar []string      // local times, "2006-01-02 15:04" or with seconds
	At       time.Time     // once
	TimeZone string        // IANA; "": UTC
	Start    time.Time     // nothing is due before it; zero: open
	End      time.Time     // nothing is due at it or later; zero: open
	Except   []string      // local days "2006-01-02", ranges of days "2006-01-02/2006-01-09", cron lines whose times are left out
	Jitter   time.Duration // every due time is later by one fixed span below it, drawn from Seed; whole seconds
	Seed     string        // the schedule's name
}

// Timing is a Spec that was understood. It is immutable and safe for concurrent use.
type Timing struct {
	every time.Duration
	spec  *cron.SpecSchedule // evaluated on wall-clock times written as UTC
	loc   *time.Location
}

// Next is the first due time strictly after after; the zero time when there is none within five years,
// or when the schedule is malformed. Callers with many times to ask keep the Timing.
func Next(s Spec, after time.Time) time.Time {
	t, err := Parse(s)
	if err != nil {
		return time.Time{}
	}
	return t.Next(after)
}

// Parse reads Cron or Every with the time zone. Its errors are fit for whoever wrote the schedule.
func Parse(s Spec) (Timing, error) {
	switch {
	case !s.Anchor.IsZero(), len(s.Calendar) > 0, !s.At.IsZero(), !s.Start.IsZero(), !s.End.IsZero(), len(s.Except) > 0, s.Jitter != 0:
		return Timing{}, errors.New("anchor, calendar, at, start, end, except and jitter are not understood yet")
	case s.Cron != "" && s.Every != 0:
		return Timing{}, errors.New("cron and every are both set; give one of them")
	case s.Cron != "":
		return parseCron(s.Cron, s.TimeZone)
	default:
		return parseEvery(s.Every)
	}
}

func parseEvery(every time.Duration) (Timing, error) {
	switch {
	case every == 0:
		return Timing{}, errors.New("neither cron nor every is set")
	case every < time.Second || every%time.Second != 0:
		return Timing{}, fmt.Errorf("every %s: must be whole seconds, at least 1s", every)
	case every > maxEvery:
		return Timing{}, fmt.Errorf("every %s: must be at most %s", every, maxEvery)
	}
	return Timing{every: every}, nil
}

func parseCron(text, zone string) (Timing, error) {
	loc, err := location(zone)
	if err != nil {
		return Timing{}, err
	}
	spec, err := parseSpec(text)
	if err != nil {
		return Timing{}, fmt.Errorf("cron %q: %w", text, err)
	}
	return Timing{spec: spec, loc: loc}, nil
}

func location(zone string) (*time.Location, error) {
	if zone == "Local" {
		return nil, errors.New(`time zone "Local": name an IANA zone such as "Europe/Berlin"`)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: no IANA zone has this name", zone)
	}
	return loc, nil
}

// parseSpec refuses what robfig/cron would take and nobody means: a zone in the text (which panics there
// without a space), @every (its anchor is the process start), empty lists, and dates that never come.
func parseSpec(text string) (*cron.SpecSchedule, error) {
	switch {
	case len(text) > maxCron:
		return nil, fmt.Errorf("longer than %d characters", maxCron)
	case strings.Contains(text, "TZ="):
		return nil, errors.New("the time zone is a field of its own")
	case strings.HasPrefix(strings.TrimSpace(text), "@every"):
		return nil, errors.New("an interval is a field of its own")
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, errors.New("not a cron line")
	}
	spec.Location = time.UTC
	for _, bits := range []uint64{spec.Second, spec.Minute, spec.Hour, spec.Dom, spec.Month, spec.Dow} {
		if bits == 0 {
			return nil, errors.New("a field is empty")
		}
	}
	if spec.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return nil, errors.New("this date never comes")
	}
	return spec, nil
}

// Next is the first due time strictly after after, in UTC; the zero time when there is none within five years.
func (t Timing) Next(after time.Time) time.Time {
	switch {
	case t.every > 0:
		return t.nextEvery(after)
	case t.spec != nil:
		return t.nextCron(after)
	default:
		return time.Time{}
	}
}

func (t Timing) nextEvery(after time.Time) time.Time {
	step := int64(t.every / time.Second)
	n := after.Unix() / step
	if after.Unix()%step < 0 {
		n--
	}
	return time.Unix((n+1)*step, 0).UTC()
}

// nextCron walks the stretches between changes of the zone's clock. Within one, wall time and elapsed time
// go together, so the line is searched on the wall clock, where nothing is missing or doubled.
func (t Timing) nextCron(after time.Time) time.Time {
	seg := segmentAt(after, t.loc)
	from := wall(after, seg.offset)
	for range segments {
		if first := seg.firstNewWall(); !t.elapsed() && first.After(from) {
			from = first.Add(-time.Second)
		}
		w := t.spec.Next(from)
		if w.IsZero() {
			return time.Time{}
		}
		if due := w.Add(-seg.offset); seg.end.IsZero() || due.Before(seg.end) {
			return due
		}
		next := segmentAt(seg.end, t.loc)
		opening := wall(seg.end, next.offset)
		if due := t.inGap(w, opening, seg.end); due.After(after) {
			return due
		}
		seg, from = next, opening.Add(-time.Second)
	}
	return time.Time{}
}

// inGap is when a wall time that a change of clock skips is due instead: the first instant after the gap,
// or the last second before it where the gap ends on another day. Zero when w is not skipped.
func (t Timing) inGap(w, opening, end time.Time) time.Time {
	switch {
	case t.elapsed() || !w.Before(opening):
		return time.Time{}
	case w.YearDay() == opening.YearDay():
		return end.UTC()
	default:
		return end.UTC().Add(-time.Second)
	}
}

// elapsed reports whether the line names every hour, and so follows elapsed time over a change of clock.
func (t Timing) elapsed() bool { return t.spec.Hour&allHours == allHours }

// segment is a stretch of time with one offset from UTC.
type segment struct {
	start, end time.Time // zero: open
	offset     time.Duration
	before     time.Duration // offset of the stretch before
}

func segmentAt(at time.Time, loc *time.Location) segment {
	local := at.In(loc)
	s := segment{offset: offset(local)}
	s.start, s.end = local.ZoneBounds()
	s.before = s.offset
	if !s.start.IsZero() {
		s.before = offset(s.start.Add(-time.Second))
	}
	return s
}

// firstNewWall is the first wall time that the stretch before has not shown already.
func (s segment) firstNewWall() time.Time {
	if s.start.IsZero() {
		return time.Time{}
	}
	return wall(s.start, max(s.before, s.offset))
}

func offset(t time.Time) time.Duration {
	_, seconds := t.Zone()
	return time.Duration(seconds) * time.Second
}

// wall writes the wall-clock time that a zone with this offset shows as if it were UTC.
func wall(t time.Time, offset time.Duration) time.Time { return t.UTC().Add(offset) }
