package cli

import (
	"context"
	"fmt"
)

type windowCommand struct {
	Open  windowOpen  `cmd:"" help:"Take a service, or an instance, out of service for a time."`
	List  windowList  `cmd:"" default:"withargs" help:"List what is out of service."`
	Close windowClose `cmd:"" help:"Put it back into service before the time is over."`
}

type windowOpen struct {
	meshFlags
	output
	Service  string `arg:"" help:"The service."`
	Instance string `help:"Only this instance." placeholder:"NAME"`
	Message  string `help:"What callers are told meanwhile; nothing: the reason." placeholder:"TEXT"`
	change
}

func (windowOpen) Help() string {
	return `Its health says "out of service", so that nothing new is routed to it; liveness is untouched. Callers get 503 with Retry-After when no instance is left.
It ends by itself.

Examples:
  signalbox window open catalogs --for 30m --reason "index is rebuilt"
  signalbox window open catalogs --instance catalogs-2 --for 5m`
}

// Run opens the window.
func (c *windowOpen) Run(ctx context.Context, p Process) error {
	if everywhere(c.Service) == "" {
		return misuse("a window is for one service; to stop all of them, stop the mesh")
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	in, err := c.request(p, "window", nil, target{c.Service, c.Instance})
	if err != nil {
		return err
	}
	if c.Message == "" {
		c.Message = in.Reason
	}
	in.Value = map[string]string{"message": c.Message}
	_, err = in.set(ctx, p, api, c.JSON)
	return err
}

type windowList struct {
	meshFlags
	output
	Ended bool `help:"Those that have ended, too."`
}

func (windowList) Help() string { return "Example:\n  signalbox window list" }

// Run lists the windows.
func (c *windowList) Run(ctx context.Context, p Process) error {
	return (&leaseList{meshFlags: c.meshFlags, output: c.output, Kind: "window", Ended: c.Ended}).Run(ctx, p)
}

type windowClose struct {
	meshFlags
	output
	Service  string `arg:"" help:"The service."`
	Instance string `help:"Only windows for this instance." placeholder:"NAME"`
}

func (windowClose) Help() string { return "Example:\n  signalbox window close catalogs" }

// Run ends the windows of the service.
func (c *windowClose) Run(ctx context.Context, p Process) error {
	none := fmt.Errorf("no window is open on %s; see `signalbox window list`", c.Service)
	return target{c.Service, c.Instance}.end(ctx, p, &c.meshFlags, "window", none, c.JSON)
}
