package cli

import (
	"context"
	"fmt"
	"time"

	calls "github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

type faultCommand struct {
	Set   faultSet   `cmd:"" help:"Inject a fault."`
	List  faultList  `cmd:"" default:"withargs" help:"List the faults that are injected."`
	Reset faultReset `cmd:"" help:"End the faults of a service."`
}

type faultSet struct {
	meshFlags
	output
	caller
	To       string        `help:"The service that is called; nothing: all that have no fault of their own." placeholder:"SERVICE"`
	Protocol string        `help:"Only calls by it: http or grpc." placeholder:"NAME"`
	Share    float64       `help:"Of calls, above 0 and up to 1." default:"1" placeholder:"SHARE"`
	Delay    time.Duration `help:"Before the call, or before the error." placeholder:"TIME"`
	Status   int           `help:"What HTTP calls are answered with, 400 to 599; nothing is sent." placeholder:"CODE"`
	Code     string        `help:"What gRPC calls are answered with, such as UNAVAILABLE; nothing is sent." placeholder:"NAME"`
	Abort    bool          `help:"As if the connection were reset; nothing is sent."`
	change
}

func (faultSet) Help() string {
	return `The calls fail, or wait, where they are made: the service that is called sees none of it. Each is counted, and marked on its span. Logs,
heartbeats and leases are never touched. It ends by itself, or with 'signalbox mesh fault reset'.

Examples:
  signalbox mesh fault set gateway --to catalogs --share 0.1 --delay 300ms --for 5m --reason drill
  signalbox mesh fault set workflow --to catalogs --share 0.5 --status 503 --code UNAVAILABLE --for 5m --reason drill`
}

// Run injects the fault.
func (c *faultSet) Run(ctx context.Context, p Process) error {
	value := calls.Fault{Destination: c.To, Protocol: c.Protocol, Share: c.Share, DelayMS: c.Delay.Milliseconds(), Status: c.Status, Code: c.Code, Abort: c.Abort}
	if _, err := calls.ParseFault(value.String()); err != nil {
		return misuse("%v", err)
	}
	return c.rule(ctx, p, &c.meshFlags, "fault", value, c.caller, c.JSON)
}

type faultList struct {
	meshFlags
	output
	Ended bool `help:"Those that have ended, too."`
}

func (faultList) Help() string { return "Example:\n  signalbox mesh fault list" }

// Run lists the faults.
func (c *faultList) Run(ctx context.Context, p Process) error {
	return (&leaseList{meshFlags: c.meshFlags, output: c.output, Kind: "fault", Ended: c.Ended}).Run(ctx, p)
}

type faultReset struct {
	meshFlags
	output
	caller
}

func (faultReset) Help() string { return "Example:\n  signalbox mesh fault reset gateway" }

// Run ends the faults of the service.
func (c *faultReset) Run(ctx context.Context, p Process) error {
	none := fmt.Errorf("no fault holds for %s; see `signalbox mesh fault list`", c.Service)
	return target(c.caller).end(ctx, p, &c.meshFlags, "fault", none, c.JSON)
}
