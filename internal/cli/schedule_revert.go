package cli

import (
	"context"
	"fmt"
	"net/http"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type scheduleRevert struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule."`
	Note string `help:"Why, for whoever asks later." placeholder:"TEXT"`
}

func (scheduleRevert) Help() string {
	return "Example:\n  signalbox schedule revert catalogs.stocktake --note 'the import is fast again'"
}

// Run takes the edit back.
func (c *scheduleRevert) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	var saved api.Saved
	if err := mesh.Do(ctx, http.MethodDelete, schedulePath(c.Name)+"/edit", queryOf("note", c.Note), nil, &saved); err != nil {
		return err
	}
	if !c.JSON {
		if _, err := fmt.Fprintln(p.Stdout, "it is again as its service declares it:"); err != nil {
			return err
		}
	}
	return printSaved(p, saved, c.JSON)
}

type scheduleDelete struct {
	meshFlags
	output
	Name string `arg:"" help:"The schedule."`
	Note string `help:"Why, for whoever asks later." placeholder:"TEXT"`
}

func (scheduleDelete) Help() string {
	return "What a service declares in code cannot be deleted: pause it.\n\nExample:\n  signalbox schedule delete catalogs.import --note 'the shop is closed'"
}

// Run deletes it.
func (c *scheduleDelete) Run(ctx context.Context, p Process) error {
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	if err := mesh.Do(ctx, http.MethodDelete, schedulePath(c.Name), queryOf("note", c.Note), nil, nil); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, map[string]any{"name": c.Name, "deleted": true})
	}
	_, err = fmt.Fprintf(p.Stdout, "%s is deleted; `signalbox schedule fires %s` still shows what it did\n", c.Name, c.Name)
	return err
}
