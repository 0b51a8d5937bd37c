package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type scheduleFires struct {
	meshFlags
	output
	Name     string `arg:"" optional:"" help:"Only of this schedule."`
	Service  string `help:"Only of this service." placeholder:"NAME"`
	State    string `name:"is" enum:",waiting,planned,published,received,done,failed,skipped" default:"" help:"Only in this state: waiting, planned, published, received, done, failed, skipped." placeholder:"STATE"`
	Reason   string `help:"Only with this reason why it did not end in done; docs/time.md has the list." placeholder:"REASON"`
	Since    string `help:"Due since then: 15m, 2h, 7d, 13:02, 2026-11-21T13:02." placeholder:"TIME"`
	Until    string `help:"Due before then." placeholder:"TIME"`
	Backfill string `help:"Only of this backfill." placeholder:"ID"`
	Limit    int    `short:"n" default:"50" help:"How many at most, the newest first."`
	Wide     bool   `help:"Show everything, however wide it is."`
}

func (scheduleFires) Help() string {
	return `A row per due time. One that was skipped may stand for several, which it counts. What a reason names has a from and a to.

Examples:
  signalbox schedule fires catalogs.stocktake
  signalbox schedule fires --is failed --since 24h
  signalbox schedule fires --reason no-leader --since 7d --json | jq -r '.[].cause_from'`
}

// whyNot is the closed list, with what waiting fires wait for.
func whyNot() (all []string) {
	for _, r := range slices.Concat(api.Reasons(), api.Waits()) {
		all = append(all, string(r))
	}
	return all
}

// Run lists fires, the newest due time first.
func (c *scheduleFires) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 {
		return misuse("-n %d: want 1 or more", c.Limit)
	}
	if c.Reason != "" && !slices.Contains(whyNot(), c.Reason) {
		return misuse("--reason %q: want one of %s", c.Reason, strings.Join(whyNot(), ", "))
	}
	from, err := bound(c.Since, p.now())
	if err != nil {
		return misuse("--since %w", err)
	}
	to, err := bound(c.Until, p.now())
	if err != nil {
		return misuse("--until %w", err)
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	all, more, err := firesOf(ctx, mesh, c.Limit, "schedule", c.Name, "service", c.Service, "state", c.State, "reason", c.Reason,
		"from", from, "to", to, "backfill", c.Backfill)
	if err != nil {
		return err
	}
	if more {
		if err := warn(p, []string{fmt.Sprintf("these are the newest %d; -n shows more", len(all))}); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, all)
	}
	return fireTable(p, "DUE", all, c.Name == "", c.Wide)
}

// bound is an instant as the API reads it; nothing where none is given.
func bound(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	at, err := instant(text, now)
	return at.UTC().Format(time.RFC3339), err
}

// firesOf the ledger, the newest due time first.
func firesOf(ctx context.Context, mesh *client.Client, limit int, filter ...string) (all []api.Fire, more bool, err error) {
	return pages[api.Fire](ctx, mesh, firesPath, queryOf(filter...), limit, 500)
}

// fireTable has the schedule's name where there may be several, and traces where there is one to look at.
func fireTable(p Process, first string, fires []api.Fire, named, wide bool) error {
	header := []string{first, "STATE", "CAUSE", "INSTANCE", "TOOK", "ATTEMPT", ""}
	traced := slices.ContainsFunc(fires, func(f api.Fire) bool { return traceOf(f) != "" })
	if traced {
		header = slices.Insert(header, 6, "TRACE")
	}
	if named {
		header = slices.Insert(header, 1, "SCHEDULE")
	}
	t := newTable(p.Stdout, header...).fit(screenOf(p.Stdout, p.Environ), wide)
	for _, f := range fires {
		row := []string{dueText(f), fireState(f), cause(f), orDash(f.Instance), took(f), attempt(f), outcomeOf(f)}
		if traced {
			row = slices.Insert(row, 6, orDash(traceOf(f)))
		}
		if named {
			row = slices.Insert(row, 1, f.Schedule)
		}
		t.row(row...)
	}
	return t.flush()
}

// traceOf a fire that went wrong, as much of it as `signalbox logs trace:…` needs.
func traceOf(f api.Fire) string {
	const digits = 12
	if f.Error == "" || len(f.TraceID) < digits {
		return ""
	}
	return f.TraceID[:digits]
}

func dueText(f api.Fire) string {
	text := moment(&f.Due)
	switch {
	case f.Missed > 1:
		text += fmt.Sprintf(" and %d more", f.Missed-1)
	case f.Backfill != "":
		text += " backfill"
	case f.Manual:
		text += " by hand"
	}
	return text
}

// cause is from when to when what the reason names was so.
func cause(f api.Fire) string {
	if f.CauseFrom == nil {
		return "–"
	}
	to := "now"
	if f.CauseTo != nil {
		if to = f.CauseTo.Local().Format("15:04:05"); f.CauseTo.Local().YearDay() != f.CauseFrom.Local().YearDay() {
			to = moment(f.CauseTo)
		}
	}
	return moment(f.CauseFrom) + " – " + to
}

func took(f api.Fire) string {
	if f.DurationMS == nil {
		return "–"
	}
	return milliseconds(*f.DurationMS).String()
}

func attempt(f api.Fire) string {
	if f.Attempts == 0 {
		return strconv.Itoa(f.Attempt)
	}
	return fmt.Sprintf("%d of %d", f.Attempt, f.Attempts)
}

// outcomeOf is what the handler said: its error, its result, or how far it is.
func outcomeOf(f api.Fire) string {
	switch {
	case f.Error != "" && f.RetryAt != nil:
		return f.Error + "; again at " + moment(f.RetryAt)
	case f.Error != "":
		return f.Error
	case f.Result != "":
		return f.Result
	case f.Progress != nil:
		return strings.TrimSpace(share(f.Progress) + " " + f.Note)
	}
	return f.Note
}

type scheduleCancel struct {
	meshFlags
	output
	ID   string `arg:"" name:"fire" help:"The fire, as 'schedule fires --json' shows its id."`
	Note string `help:"Why, for whoever asks later." placeholder:"TEXT"`
}

func (scheduleCancel) Help() string {
	return "One that has not begun ends at once; the handler of one that runs is told, and ends in its own time.\n\nExample:\n  signalbox schedule cancel catalogs.stocktake@2026-11-21T02:00:00Z --note 'wrong day'"
}

// Run cancels it.
func (c *scheduleCancel) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var f api.Fire
	if err := mesh.Do(ctx, http.MethodPost, firePath(c.ID)+"/cancel", nil, api.Cancel{Note: c.Note}, &f); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, f)
	}
	text := "has ended: " + fireState(f)
	if !ended(f) {
		text = "is told to end, and is " + fireState(f)
	}
	_, err = fmt.Fprintf(p.Stdout, "%s %s\n", printable(f.ID), text)
	return err
}
