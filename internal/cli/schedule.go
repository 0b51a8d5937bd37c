package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

const schedulesPath = "/api/scheduler/v1/schedules"

type scheduleCommand struct {
	List   scheduleList   `cmd:"" default:"withargs" help:"List every schedule with its last and next time."`
	Show   scheduleShow   `cmd:"" help:"Show one schedule, its next times and what its last fires came to."`
	Run    scheduleRun    `cmd:"" help:"Fire now, and wait for the end."`
	Pause  schedulePause  `cmd:"" help:"Hold a schedule; due times are skipped with that reason."`
	Resume scheduleResume `cmd:"" help:"Let a schedule go on."`

	Overdue scheduleOverdue `cmd:"" help:"List what should have ended and has not."`
}

type scheduleList struct {
	meshFlags
	output
	Wide bool `help:"Show everything, however wide it is."`
}

func (scheduleList) Help() string { return "Example:\n  signalbox schedule list --json" }

// Run lists the schedules.
func (c *scheduleList) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var all api.Schedules
	if err := mesh.Do(ctx, http.MethodGet, schedulesPath, nil, nil, &all); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, all.Items)
	}
	t := newTable(p.Stdout, "SCHEDULE", "WHEN", "NEXT", "LAST", "STATE", "").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, s := range all.Items {
		last, state := lastFire(s.LastFire)
		t.row(s.Name, timing(s), moment(s.NextDue), last, state, pausedText(s))
	}
	return t.flush()
}

func timing(s api.Schedule) string {
	if s.Cron == "" {
		return "every " + (time.Duration(s.EverySecs) * time.Second).String()
	}
	return s.Cron + " " + s.TimeZone
}

func moment(at *time.Time) string {
	if at == nil {
		return "–"
	}
	return at.Local().Format("2006-01-02 15:04:05")
}

func lastFire(f *api.Fire) (due, state string) {
	if f == nil {
		return "–", "–"
	}
	return moment(&f.Due), fireState(*f)
}

func fireState(f api.Fire) string {
	if f.Reason == "" {
		return string(f.State)
	}
	return string(f.State) + " (" + string(f.Reason) + ")"
}

func pausedText(s api.Schedule) string {
	if !s.Paused {
		return ""
	}
	return "paused by " + s.PausedBy + ": " + printable(s.PausedNote)
}

type scheduleShow struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule."`
}

func (scheduleShow) Help() string { return "Example:\n  signalbox schedule show scheduler.retention" }

type scheduleView struct {
	Schedule api.Schedule `json:"schedule"`
	Next     []time.Time  `json:"next"`
	Fires    []api.Fire   `json:"fires"`
}

// Run prints the schedule and its ledger's newest rows.
func (c *scheduleShow) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var v scheduleView
	var next api.Next
	var fires api.Fires
	one := schedulesPath + "/" + url.PathEscape(c.Name)
	if err := mesh.Do(ctx, http.MethodGet, one, nil, nil, &v.Schedule); err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodGet, one+"/next", url.Values{"n": {"3"}}, nil, &next); err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodGet, "/api/scheduler/v1/fires", url.Values{"schedule": {c.Name}, "limit": {"10"}}, nil, &fires); err != nil {
		return err
	}
	v.Next, v.Fires = next.Items, fires.Items
	if c.JSON {
		return printJSON(p.Stdout, v)
	}
	return v.print(p)
}

func (v scheduleView) print(p Process) error {
	s := v.Schedule
	t := newTable(p.Stdout, "schedule", s.Name)
	t.row("declared by", s.Service)
	t.row("when", timing(s))
	t.row("misfire", s.Misfire+", window "+(time.Duration(s.WindowSecs)*time.Second).String())
	t.row("deadline", (time.Duration(s.DeadlineMS) * time.Millisecond).String())
	if s.Paused {
		t.row("held", pausedText(s))
	}
	for i, at := range v.Next {
		t.row([]string{"next", "", ""}[min(i, 2)], moment(&at))
	}
	if err := t.flush(); err != nil {
		return err
	}
	fires := newTable(p.Stdout, "\nDUE", "STATE", "INSTANCE", "TOOK", "ATTEMPT", "ERROR")
	for _, f := range v.Fires {
		fires.row(moment(&f.Due), fireState(f), orDash(f.Instance), took(f), strconv.Itoa(f.Attempt), printable(f.Error))
	}
	return fires.flush()
}

func took(f api.Fire) string {
	if f.DurationMS == nil {
		return "–"
	}
	return (time.Duration(*f.DurationMS) * time.Millisecond).String()
}

type scheduleRun struct {
	meshFlags
	output
	Name string        `arg:"" help:"The schedule."`
	Wait time.Duration `default:"30s" help:"How long to wait for the end; 0: not at all."`
}

func (scheduleRun) Help() string {
	return "Ends with 1 when the fire failed or has not ended in time.\n\nExample:\n  signalbox schedule run maintenance.retention"
}

// Run fires the schedule by hand and waits for its end.
func (c *scheduleRun) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var started api.Run
	if err := mesh.Do(ctx, http.MethodPost, schedulesPath+"/"+url.PathEscape(c.Name)+"/run", nil, struct{}{}, &started); err != nil {
		return err
	}
	last := api.Fire{ID: started.FireID, Schedule: c.Name, State: api.Planned}
	for end := time.Now().Add(c.Wait); time.Now().Before(end) && !ended(last); {
		if err := pauseFor(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		var page api.Fires
		if err := mesh.Do(ctx, http.MethodGet, "/api/scheduler/v1/fires", url.Values{"schedule": {c.Name}, "limit": {"20"}}, nil, &page); err != nil {
			return err
		}
		for _, f := range page.Items {
			if f.ID == started.FireID {
				last = f
			}
		}
	}
	return c.print(p, last)
}

func ended(f api.Fire) bool {
	return f.State == api.Done || f.State == api.Failed || f.State == api.Skipped
}

func (c *scheduleRun) print(p Process, f api.Fire) error {
	if c.JSON {
		if err := printJSON(p.Stdout, f); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(p.Stdout, "%s  %s  %s\n", f.ID, fireState(f), took(f)); err != nil {
		return err
	}
	switch {
	case f.State == api.Failed:
		return fmt.Errorf("the fire failed: %s", printable(f.Error))
	case c.Wait > 0 && !ended(f):
		return fmt.Errorf("the fire has not ended within %s; see `signalbox schedule show %s`", c.Wait, c.Name)
	}
	return nil
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type schedulePause struct {
	meshFlags
	Name string `arg:"" help:"The schedule."`
	Note string `required:"" help:"Why, for whoever asks later."`
}

func (schedulePause) Help() string {
	return "Example:\n  signalbox schedule pause identity.purge --note 'restore is running'"
}

// Run pauses it.
func (c *schedulePause) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodPost, schedulesPath+"/"+url.PathEscape(c.Name)+"/pause", nil, map[string]string{"note": c.Note}, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Stdout, "%s is paused; `signalbox schedule resume %s` lets it go on\n", c.Name, c.Name)
	return err
}

type scheduleResume struct {
	meshFlags
	Name string `arg:"" help:"The schedule."`
}

// Run resumes it.
func (c *scheduleResume) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodPost, schedulesPath+"/"+url.PathEscape(c.Name)+"/resume", nil, struct{}{}, nil); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Stdout, "%s goes on\n", c.Name)
	return err
}
