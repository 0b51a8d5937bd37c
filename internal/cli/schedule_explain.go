package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

type scheduleExplain struct {
	output
	Cron []string `arg:"" optional:"" help:"A cron line of five or six fields, in quotes; or nothing, with a flag that says when."`
	timingFlags
	Name string `help:"The schedule's name: its jitter is drawn from it." placeholder:"NAME"`
	From string `help:"Due times after then; else now." placeholder:"TIME"`
	N    int    `short:"n" default:"5" help:"How many due times."`
}

func (scheduleExplain) Help() string {
	return `Needs no mesh. Days on which the clocks change are noted.
docs/time.md says what a cron line can hold, and what becomes of an hour that is missing or comes twice.

Examples:
  signalbox schedule explain "0 2 * * mon-fri" --tz Europe/Berlin
  signalbox schedule explain "30 2 * * *" --tz Europe/Berlin --from 2026-10-23 -n 10
  signalbox schedule explain "0 6 L * *" --except 2026-12-31
  signalbox schedule explain --every 90m --anchor "2026-11-21 08:00" --json`
}

// explained is a timing in words, and its next due times.
type explained struct {
	Text     string       `json:"text"`
	TimeZone string       `json:"time_zone"`
	Next     []dueInWords `json:"next"`
}

type dueInWords struct {
	Due   time.Time `json:"due"`
	Local string    `json:"local"`
	Note  string    `json:"note,omitempty"`
}

// Run explains a timing.
func (c *scheduleExplain) Run(p Process) error {
	if c.N < 1 || c.N > 1000 {
		return misuse("-n %d: want 1 to 1000", c.N)
	}
	if len(c.Cron) > 1 {
		return misuse("a cron line needs quotes, or the shell takes its stars: signalbox schedule explain \"0 2 * * mon-fri\"")
	}
	var spec api.Spec
	line := strings.Join(c.Cron, "") // "" of an argument is no cron line, and " " is a wrong one
	if err := c.apply(line, &spec); err != nil {
		return err
	}
	s := spec.Schedule(c.Name).When()
	s.Cron = line
	from := p.now()
	if c.From != "" {
		var err error
		if from, err = zoned(c.From, s.TimeZone); err != nil {
			return misuse("--from %w", err)
		}
	}
	e, err := explain(s, from, c.N)
	if err != nil {
		return misuse("%w", err)
	}
	if c.JSON {
		return printJSON(p.Stdout, e)
	}
	return e.print(p, from)
}

func explain(s timing.Spec, from time.Time, n int) (explained, error) {
	e := explained{TimeZone: s.TimeZone, Next: []dueInWords{}}
	when, err := timing.Parse(s)
	if err != nil {
		return e, err
	}
	e.Text = timing.Describe(s)
	loc, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return e, err
	}
	for due := when.Next(from); !due.IsZero() && len(e.Next) < n; due = when.Next(due) {
		e.Next = append(e.Next, dueInWords{due, due.In(loc).Format(time.RFC3339), clockNote(s, due, loc)})
	}
	return e, nil
}

func (e explained) print(p Process, from time.Time) error {
	if _, err := fmt.Fprintf(p.Stdout, "%s\n", e.Text); err != nil {
		return err
	}
	if len(e.Next) == 0 {
		_, err := fmt.Fprintln(p.Stdout, "\nnever due from now on")
		return err
	}
	loc, err := time.LoadLocation(e.TimeZone)
	if err != nil {
		return err
	}
	t := newTable(p.Stdout, "\nNEXT", "LOCAL", "UTC", "IN", "")
	for i, d := range e.Next {
		local := d.Due.In(loc)
		t.row(fmt.Sprint(i+1), local.Format("Mon 2006-01-02 15:04:05 -07:00"), d.Due.Format(time.RFC3339), ahead(d.Due.Sub(from)), d.Note)
	}
	return t.flush()
}

// ahead is a duration as people say it, coarse where it is long.
func ahead(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return shortly(d.Round(time.Second))
}

// clockNote says that the clocks change on the local day of a due time, and what that means for it.
func clockNote(s timing.Spec, due time.Time, loc *time.Location) string {
	change, by := changeOn(due, loc)
	if by == 0 {
		return ""
	}
	before := wallClock(change.Add(-time.Second)).Add(time.Second)
	if by > 0 {
		note := fmt.Sprintf("clocks go from %s to %s", before.Format("15:04"), change.Format("15:04"))
		if missing := skipped(s, due, change, before, by); missing != "" {
			where := "right after"
			if due.Before(change) {
				where = "in the last second before"
			}
			note += ": " + missing + " is missing that day, due " + where + " it"
		}
		return note
	}
	note := fmt.Sprintf("clocks go back from %s to %s", before.Format("15:04"), change.Format("15:04"))
	if local := due.In(loc); !local.Before(change.Add(by)) && local.Before(change.Add(-by)) {
		which := "first"
		if !local.Before(change) {
			which = "second"
		}
		note += ": " + local.Format("15:04") + " comes twice, this is the " + which
	}
	return note
}

// changeOn is the change of clock on the local day of at, and by how much it goes forward.
func changeOn(at time.Time, loc *time.Location) (change time.Time, by time.Duration) {
	local := at.In(loc)
	day := local.Format(time.DateOnly)
	start, end := local.ZoneBounds()
	for _, c := range []time.Time{start, end} {
		if c.IsZero() {
			continue
		}
		was, is := c.Add(-time.Second).In(loc), c.In(loc)
		if by := wallClock(is).Sub(wallClock(was)) - time.Second; by != 0 && (is.Format(time.DateOnly) == day || was.Format(time.DateOnly) == day) {
			return is, by
		}
	}
	return time.Time{}, 0
}

// skipped is the local time that a due time right at a change stands for; empty where it stands for itself.
func skipped(s timing.Spec, due, change, before time.Time, by time.Duration) string {
	plain := timing.Spec{Cron: s.Cron, Calendar: s.Calendar, Except: s.Except}
	nominal, err := timing.Parse(s)
	wall, wrong := timing.Parse(plain)
	if err != nil || wrong != nil || s.Cron == "" && len(s.Calendar) == 0 {
		return ""
	}
	first := nominal.Next(change.Add(-2 * time.Second)) // with the jitter, if there is one, later
	if !due.Equal(first) && s.Jitter == 0 {
		return ""
	}
	named := wall.Next(before.Add(-time.Second))
	if named.IsZero() || !named.Before(before.Add(by)) || due.Sub(change) > s.Jitter || due.Before(change.Add(-time.Second)) {
		return ""
	}
	return named.Format("15:04")
}

// wallClock is what a clock shows, as if it were UTC.
func wallClock(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}
