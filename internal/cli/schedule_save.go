package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type scheduleSave struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule: SERVICE.WHAT, and the service handles it."`
	Cron string `help:"A cron line of five or six fields." placeholder:"LINE"`
	timingFlags
	Misfire  string    `enum:",skip,once,all" default:"" help:"Of what was missed: skip, once (the newest), or all." placeholder:"POLICY"`
	Window   *duration `help:"How old a missed due time may be to be caught up." placeholder:"TIME"`
	CatchUp  *int      `help:"How many a second while catching up." placeholder:"N"`
	Overlap  string    `enum:",allow,skip,buffer-one,buffer-all,cancel" default:"" help:"While the fire before runs: allow, skip, buffer-one, buffer-all, or cancel that one." placeholder:"POLICY"`
	InWindow string    `enum:",run,hold,skip" default:"" help:"In a maintenance window of the service: run, hold, or skip." placeholder:"POLICY"`
	Deadline *duration `help:"For one attempt of the handler." placeholder:"TIME"`
	Attempts *int      `help:"Of the handler; 1: no retry." placeholder:"N"`
	Backoff  *duration `help:"Before the second attempt, doubled for each further one." placeholder:"TIME"`
	DoneWhen string    `enum:",published,received,completed" default:"" help:"What counts as done: published, received, or completed." placeholder:"WHEN"`
	Target   string    `enum:",bus,http,poll" default:"" help:"How it reaches its handler: bus, http, or poll." placeholder:"WHERE"`
	PostTo   string    `help:"URL of the target http." placeholder:"URL"`
	Payload  string    `help:"JSON that each fire carries." placeholder:"JSON"`
	FromFile string    `help:"Begin with the spec in this JSON file ('-': standard input), not with what the schedule is now." placeholder:"FILE"`
	Note     string    `help:"Why, for whoever asks later." placeholder:"TEXT"`
	DryRun   bool      `help:"Show when it would be due, and store nothing."`
	N        int       `short:"n" default:"5" help:"How many due times are shown."`
}

func (scheduleSave) Help() string {
	return `Makes the schedule, or changes what is given and leaves the rest. What a service declares in code stays: the change is kept
apart as an edit, and 'signalbox schedule revert' takes it back. Somebody else's change in between is not overwritten.

Examples:
  signalbox schedule save catalogs.stocktake --cron "0 2 * * mon-fri" --tz Europe/Berlin --dry-run
  signalbox schedule save catalogs.stocktake --every 15m --overlap skip --note "it is slow on Mondays"
  signalbox schedule save catalogs.import --target http --post-to https://imports.example/run --calendar "2026-12-24 18:00"
  signalbox schedule show catalogs.import --json | jq .schedule > spec.json; signalbox schedule save catalogs.import2 --from-file spec.json`
}

// Run saves it, and shows when it will be due.
func (c *scheduleSave) Run(ctx context.Context, p Process) error {
	if c.N < 1 || c.N > 100 {
		return misuse("-n %d: want 1 to 100", c.N)
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	put, err := c.start(ctx, p, mesh)
	if err != nil {
		return err
	}
	if err := c.apply(c.Cron, &put.Spec); err != nil {
		return err
	}
	if err := c.policies(&put.Spec); err != nil {
		return err
	}
	query := url.Values{}
	if c.DryRun {
		query.Set("dry_run", "true")
	}
	var saved api.Saved
	if err := mesh.Do(ctx, http.MethodPut, schedulePath(c.Name), query, put, &saved); err != nil {
		return err
	}
	if c.N != len(saved.Next.Items) && len(saved.Next.Items) > 0 {
		ask := api.Preview{Name: c.Name, Spec: put.Spec, N: c.N}
		if err := mesh.Do(ctx, http.MethodPost, schedulesPath+"/preview", nil, ask, &saved.Next); err != nil {
			return err
		}
	}
	return printSaved(p, saved, c.JSON)
}

// start is the spec that the flags change: the file's, or that of the schedule as it is, with its revision.
func (c *scheduleSave) start(ctx context.Context, p Process, mesh *client.Client) (api.Put, error) {
	put := api.Put{Note: c.Note}
	var now api.Schedule
	err := mesh.Do(ctx, http.MethodGet, schedulePath(c.Name), nil, nil, &now)
	switch {
	case missing(err):
		now = api.Schedule{}
	case err != nil:
		return put, err
	}
	put.Spec, put.Revision = now.Spec, &now.Revision
	if c.FromFile != "" {
		put.Spec, err = specFile(p, c.FromFile)
		return put, err
	}
	return put, nil
}

// specFile reads a spec, also one within a schedule as the API shows it.
func specFile(p Process, path string) (spec api.Spec, err error) {
	var raw []byte
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(p.Stdin, 1<<20))
	} else {
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return spec, misuse("--from-file: %w", err)
	}
	known := api.Schedule{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&known); err != nil {
		return spec, misuse("--from-file %s: %w; want the spec of a schedule as `signalbox schedule show NAME --json | jq .schedule` has it", path, err)
	}
	return known.Spec, nil
}

func (c *scheduleSave) policies(s *api.Spec) error {
	for _, one := range []struct {
		text string
		into *string
	}{{c.Misfire, &s.Misfire}, {c.Overlap, &s.Overlap}, {c.InWindow, &s.InWindow}, {c.DoneWhen, &s.DoneWhen}, {c.Target, &s.Target}, {c.PostTo, &s.URL}} {
		if one.text != "" {
			*one.into = one.text
		}
	}
	if c.Target != "" && c.Target != "http" {
		s.URL = c.PostTo
	}
	if err := inSeconds("window", c.Window); err != nil {
		return err
	}
	if c.Window != nil {
		s.WindowSecs = wholeSeconds(c.Window)
	}
	if c.Deadline != nil {
		s.DeadlineMS = time.Duration(*c.Deadline).Milliseconds()
	}
	if c.Backoff != nil {
		s.BackoffMS = time.Duration(*c.Backoff).Milliseconds()
	}
	if c.CatchUp != nil {
		s.CatchUp = *c.CatchUp
	}
	if c.Attempts != nil {
		s.Attempts = *c.Attempts
	}
	if c.Payload != "" {
		if !json.Valid([]byte(c.Payload)) {
			return misuse("--payload: want JSON, as in --payload '{\"full\": true}'")
		}
		s.Payload = json.RawMessage(c.Payload)
	}
	return nil
}

func printSaved(p Process, v api.Saved, asJSON bool) error {
	if err := warn(p, v.Warnings); err != nil {
		return err
	}
	if asJSON {
		return printJSON(p.Stdout, v)
	}
	s := v.Schedule
	what := "is saved"
	switch {
	case v.DryRun && v.Created:
		what = "would be made"
	case v.DryRun:
		what = "would be changed"
	case v.Created:
		what = "is made"
	}
	if len(s.Drift) > 0 {
		what += "; it differs from its declaration in " + strings.Join(s.Drift, ", ")
	}
	if s.Paused {
		what += "; it is " + pausedText(s)
	}
	if _, err := fmt.Fprintf(p.Stdout, "%s %s\n%s\n", s.Name, printable(what), printable(v.Next.Text)); err != nil {
		return err
	}
	t := newTable(p.Stdout, "\nNEXT", "HERE", "UTC")
	for i, at := range v.Next.Items {
		t.row(strconv.Itoa(i+1), moment(&at), at.UTC().Format(time.RFC3339))
	}
	return t.flush()
}
