package cli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type scheduleRun struct {
	meshFlags
	output
	Name string        `arg:"" help:"The schedule."`
	Wait time.Duration `default:"30s" help:"How long to wait for the end; 0: not at all."`
}

func (scheduleRun) Help() string {
	return "Ends with 1 when the fire failed, was left out or has not ended in time.\n\nExample:\n  signalbox schedule run maintenance.retention"
}

// Run fires the schedule by hand and waits for its end.
func (c *scheduleRun) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var started api.Run
	if err := mesh.Do(ctx, http.MethodPost, schedulePath(c.Name)+"/run", nil, struct{}{}, &started); err != nil {
		return err
	}
	last := api.Fire{ID: started.FireID, Schedule: c.Name, State: api.Planned}
	for end := time.Now().Add(c.Wait); time.Now().Before(end) && !ended(last); {
		if err := pauseFor(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		if err := mesh.Do(ctx, http.MethodGet, firePath(started.FireID), nil, nil, &last); err != nil {
			return err
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
		return fmt.Errorf("the fire failed: %s", printable(cmp.Or(f.Error, string(f.Reason))))
	case f.State == api.Skipped:
		return fmt.Errorf("the fire did not run: %s", f.Reason)
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
	output
	Name string `arg:"" help:"The schedule."`
	Note string `required:"" help:"Why, for whoever asks later." placeholder:"TEXT"`
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
	var s api.Schedule
	if err := mesh.Do(ctx, http.MethodPost, schedulePath(c.Name)+"/pause", nil, map[string]string{"note": c.Note}, &s); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, s)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s is paused; `signalbox schedule resume %s` lets it go on\n", c.Name, c.Name)
	return err
}

type scheduleResume struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule."`
}

func (scheduleResume) Help() string { return "Example:\n  signalbox schedule resume identity.purge" }

// Run resumes it.
func (c *scheduleResume) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var s api.Schedule
	if err := mesh.Do(ctx, http.MethodPost, schedulePath(c.Name)+"/resume", nil, struct{}{}, &s); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, s)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s goes on\n", c.Name)
	return err
}
