package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

type levelReset struct {
	meshFlags
	output
	Service string `arg:"" help:"Service whose leases are dropped, or 'all'."`
	Logger  string `help:"Only leases on this logger." placeholder:"NAME"`
}

func (levelReset) Help() string {
	return "Examples:\n  signalbox level reset catalogs\n  signalbox level reset all"
}

// Run drops the active leases on the target; a reset never guesses a level.
func (c *levelReset) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	leases, err := held(ctx, api, "level", everywhere(c.Service))
	if err != nil {
		return err
	}
	others := 0
	leases = slices.DeleteFunc(leases, func(l lease) bool {
		switch {
		case c.Logger != "" && l.Logger != c.Logger:
			return true
		case c.Service != "all" && l.Service != c.Service: // it is for all services
			others++
			return true
		}
		return false
	})
	if others > 0 {
		text := fmt.Sprintf("still in force: %s on all services; `signalbox level reset all` drops every one", counted(int64(others), "lease"))
		if err := warn(p, []string{text}); err != nil {
			return err
		}
	}
	if len(leases) == 0 && !c.JSON {
		_, err := fmt.Fprintf(p.Stdout, "no lease is on %s\n", c.Service)
		return err
	}
	receipts, err := dropAll(ctx, api, leases)
	return errors.Join(printed(p, receipts, c.JSON), err)
}
