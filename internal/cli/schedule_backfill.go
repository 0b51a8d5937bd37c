package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type scheduleBackfill struct {
	meshFlags
	output
	Name   string `arg:"" help:"The schedule."`
	From   string `required:"" help:"Due times from here on: '2026-11-20 00:00', a day, RFC 3339, or how long ago (2d)." placeholder:"TIME"`
	To     string `default:"now" help:"And before this." placeholder:"TIME"`
	Again  bool   `help:"Also what is done or under way already."`
	DryRun bool   `help:"Count, and fire nothing."`
	NoWait bool   `help:"Do not wait for the end."`
}

func (scheduleBackfill) Help() string {
	return `The fires are released in order, at most the schedule's catch-up a second, and follow its overlap policy.
Waits until all have ended, and then ends with 1 when one is not done; an interrupt ends the waiting, not the backfill.

Examples:
  signalbox schedule backfill catalogs.stocktake --from 2026-11-14 --to 2026-11-21 --dry-run
  signalbox schedule backfill catalogs.stocktake --from 2d --again --no-wait`
}

// backfillMost is how many due times the API takes at once.
const backfillMost = 10_000

// backfilled is how far a backfill is.
type backfilled struct {
	api.Backfill
	Done   int `json:"done"`
	Failed int `json:"failed"` // or skipped
	Open   int `json:"open"`
}

// Run fires the range and follows it to its end.
func (c *scheduleBackfill) Run(ctx context.Context, p Process) error {
	from, err := instant(c.From, p.now())
	if err != nil {
		return misuse("--from %w", err)
	}
	to, err := instant(c.To, p.now())
	if err != nil {
		return misuse("--to %w", err)
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var got backfilled
	in := api.BackfillRequest{From: from.UTC(), To: to.UTC(), Again: c.Again, DryRun: c.DryRun}
	if err := mesh.Do(ctx, http.MethodPost, schedulePath(c.Name)+"/backfill", nil, in, &got.Backfill); err != nil {
		return err
	}
	if !c.JSON {
		if _, err := fmt.Fprintln(p.Stdout, c.begun(got.Backfill)); err != nil {
			return err
		}
	}
	if !c.DryRun && !c.NoWait && got.Fires > 0 {
		if err := c.follow(ctx, p, mesh, &got); err != nil {
			return err
		}
	}
	return c.print(p, got)
}

func (c *scheduleBackfill) begun(b api.Backfill) string {
	verb := "will be fired"
	if c.DryRun {
		verb = "would be fired"
	}
	text := counted(int64(b.Fires), "due time") + " " + verb
	switch {
	case b.Present > 0 && c.Again:
		text += fmt.Sprintf("; left out: %d (still to be decided by plan)", b.Present)
	case b.Present > 0:
		text += fmt.Sprintf("; left out: %d (done, under way, or still to be decided by plan; --again fires what is done or under way too)", b.Present)
	}
	if b.ID != "" {
		text += "   (backfill " + b.ID + ")"
	}
	return text
}

// follow looks until every fire has ended, and says so on a terminal. A look at many takes longer, and comes more rarely.
func (c *scheduleBackfill) follow(ctx context.Context, p Process, mesh *client.Client, got *backfilled) error {
	shown := isTerminal(p.Stderr)
	for {
		all, _, err := firesOf(ctx, mesh, backfillMost, "schedule", c.Name, "backfill", got.ID)
		if err != nil {
			return errors.Join(err, fmt.Errorf("the backfill goes on; see `signalbox schedule fires --backfill %s`", got.ID))
		}
		got.count(all)
		if shown {
			fmt.Fprintf(p.Stderr, "\r%d of %d done, %d failed ", got.Done, got.Fires, got.Failed) //nolint:errcheck // only a look at it
		}
		if got.Open == 0 {
			if shown {
				fmt.Fprintln(p.Stderr) //nolint:errcheck // likewise
			}
			return nil
		}
		if err := pauseFor(ctx, time.Second/2+time.Duration(len(all))*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d are done, and the backfill goes on; see `signalbox schedule fires --backfill %s`", got.Done, got.Fires, got.ID)
		}
	}
}

func (b *backfilled) count(all []api.Fire) {
	b.Done, b.Failed = 0, 0
	for _, f := range all {
		switch {
		case f.State == api.Done:
			b.Done++
		case ended(f):
			b.Failed++
		}
	}
	b.Open = max(b.Fires-b.Done-b.Failed, 0)
}

func (c *scheduleBackfill) print(p Process, got backfilled) error {
	if c.JSON {
		if err := printJSON(p.Stdout, got); err != nil {
			return err
		}
	} else if !c.DryRun && !c.NoWait && got.Fires > 0 {
		if _, err := fmt.Fprintf(p.Stdout, "%d done, %d not done\n", got.Done, got.Failed); err != nil {
			return err
		}
	}
	if got.Failed > 0 {
		return fmt.Errorf("%d of %d did not end in done; see `signalbox schedule fires --backfill %s`", got.Failed, got.Fires, got.ID)
	}
	return nil
}
