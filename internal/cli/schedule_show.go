package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

type scheduleShow struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule."`
	Next int    `short:"n" default:"3" help:"How many due times."`
	Wide bool   `help:"Show everything, however wide it is."`
}

func (scheduleShow) Help() string {
	return "Examples:\n  signalbox schedule show scheduler.retention\n  signalbox schedule show scheduler.retention -n 20 --json"
}

type scheduleView struct {
	Schedule api.Schedule `json:"schedule"`
	Text     string       `json:"text"`
	Next     []time.Time  `json:"next"`
	Fires    []api.Fire   `json:"fires"`
}

// Run prints the schedule and its ledger's newest rows.
func (c *scheduleShow) Run(ctx context.Context, p Process) error {
	if c.Next < 1 || c.Next > 100 {
		return misuse("-n %d: want 1 to 100", c.Next)
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var v scheduleView
	var next api.Next
	var fires api.Fires
	if err := mesh.Do(ctx, http.MethodGet, schedulePath(c.Name), nil, nil, &v.Schedule); err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodGet, schedulePath(c.Name)+"/next", url.Values{"n": {strconv.Itoa(c.Next)}}, nil, &next); err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodGet, firesPath, url.Values{"schedule": {c.Name}, "limit": {"10"}}, nil, &fires); err != nil {
		return err
	}
	v.Next, v.Fires, v.Text = next.Items, fires.Items, timing.Describe(v.Schedule.Spec.Schedule(c.Name).When())
	if c.JSON {
		return printJSON(p.Stdout, v)
	}
	return v.print(p, screenOf(p.Stdout, p.Environ), c.Wide)
}

func (v scheduleView) print(p Process, screen screen, wide bool) error {
	s := v.Schedule
	t := newTable(p.Stdout, "schedule", s.Name).fit(screen, wide)
	t.row("handled by", s.Service)
	t.row("made by", map[bool]string{true: "the service, in code", false: "people"}[s.Origin == "declared"])
	t.row("when", v.Text)
	if s.Cron != "" {
		t.row("cron", s.Cron)
	}
	for _, row := range policies(s.Spec) {
		t.row(row...)
	}
	if s.Paused {
		t.row("held", pausedText(s))
	}
	for i, at := range v.Next {
		t.row([]string{"next", ""}[min(i, 1)], moment(&at))
	}
	if len(v.Next) == 0 {
		t.row("next", "never")
	}
	if s.SuccessRate != nil {
		t.row("last 24 h", share(s.SuccessRate)+" done"+durations(s))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if err := drifted(p, s, screen, wide); err != nil || len(v.Fires) == 0 {
		return err
	}
	return fireTable(p, "\nDUE", v.Fires, false, wide)
}

func durations(s api.Schedule) string {
	if s.P50MS == nil || s.P95MS == nil {
		return ""
	}
	return fmt.Sprintf(", half within %s, 95%% within %s", milliseconds(*s.P50MS), milliseconds(*s.P95MS))
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// policies in words.
func policies(s api.Spec) (rows [][]string) {
	seconds := func(n int64) string { return shortly(time.Duration(n) * time.Second) }
	rows = append(rows, []string{"missed", map[string]string{
		"skip": "left out",
		"once": "the newest within " + seconds(s.WindowSecs) + " is caught up",
		"all":  fmt.Sprintf("all within %s are caught up, %d a second", seconds(s.WindowSecs), s.CatchUp),
	}[s.Misfire]}, []string{"overlap", map[string]string{
		"allow": "allowed", "skip": "the new one is left out", "buffer-one": "one waits for the end, more are left out",
		"buffer-all": "they wait for each other", "cancel": "the one that runs is told to end",
	}[s.Overlap]}, []string{"in a window", map[string]string{
		"run": "runs all the same", "hold": "held until its end", "skip": "left out",
	}[s.InWindow]})
	attempts := fmt.Sprintf("%s, %s each", counted(int64(s.Attempts), "attempt"), shortly(milliseconds(s.DeadlineMS)))
	if s.Attempts > 1 {
		attempts += ", " + shortly(milliseconds(s.BackoffMS)) + " after the first, doubled for each further one"
	}
	rows = append(rows, []string{"attempts", attempts}, []string{"done when", s.DoneWhen})
	target := s.Target
	if s.URL != "" {
		target += " " + s.URL
	}
	rows = append(rows, []string{"target", target})
	if len(s.Payload) > 0 {
		rows = append(rows, []string{"payload", string(s.Payload)})
	}
	return rows
}

// drifted shows the edit against the declaration.
func drifted(p Process, s api.Schedule, screen screen, wide bool) error {
	if s.Declared == nil || len(s.Drift) == 0 {
		return nil
	}
	here, err := fieldsOf(s.Spec)
	if err != nil {
		return err
	}
	declared, err := fieldsOf(*s.Declared)
	if err != nil {
		return err
	}
	by := "EDITED BY " + s.EditedBy
	if s.EditedAt != nil {
		by += " AT " + moment(s.EditedAt)
	}
	t := newTable(p.Stdout, "\nDRIFT", by, "DECLARED").fit(screen, wide)
	for _, name := range s.Drift {
		t.row(name, orDash(string(here[name])), orDash(string(declared[name])))
	}
	return t.flush()
}

func fieldsOf(s api.Spec) (fields map[string]json.RawMessage, err error) {
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &fields)
	}
	return fields, err
}
