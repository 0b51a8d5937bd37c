package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	calls "github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

type meshCommand struct {
	Policy policyCommand `cmd:"" help:"Deadline, retries and circuit breaker of a service's calls to another."`
	Fault  faultCommand  `cmd:"" help:"Delays, errors and resets for a share of a service's calls to another."`
}

type policyCommand struct {
	Set   policySet   `cmd:"" help:"Set a policy."`
	List  policyList  `cmd:"" default:"withargs" help:"List the policies that hold."`
	Reset policyReset `cmd:"" help:"End the policies of a service: its defaults hold again."`
}

type faultCommand struct {
	Set   faultSet   `cmd:"" help:"Inject a fault."`
	List  faultList  `cmd:"" default:"withargs" help:"List the faults that are injected."`
	Reset faultReset `cmd:"" help:"End the faults of a service."`
}

// caller is whose calls are meant.
type caller struct {
	Service  string `arg:"" help:"The service that calls."`
	Instance string `help:"Only this instance of it." placeholder:"NAME"`
}

type policySet struct {
	meshFlags
	output
	caller
	To              string        `help:"The service that is called; nothing: all that have no policy of their own." placeholder:"SERVICE"`
	Timeout         time.Duration `help:"Bound of every call that is no stream." placeholder:"TIME"`
	Retries         *int          `help:"Of one call, at most; 0 to 5." placeholder:"N"`
	RetryBudget     *float64      `help:"Retries by share of calls, 0 to 1." placeholder:"SHARE"`
	BreakerFailures float64       `help:"Share of calls within ten seconds that opens the circuit breaker." placeholder:"SHARE"`
	BreakerCalls    uint          `help:"Fewer calls within ten seconds say nothing to it." placeholder:"N"`
	BreakerOpen     time.Duration `help:"How long it stays open before calls are let through to try." placeholder:"TIME"`
	Off             bool          `help:"No retries and no circuit breaker."`
	change
}

func (policySet) Help() string {
	return `It holds on every instance of the calling service within milliseconds, and ends by itself. What is left out is as by default: 10 s,
retries of what may be repeated within a budget of 6 % of the calls, a breaker for each destination.

Examples:
  signalbox mesh policy set gateway --to catalogs --timeout 2s --retries 0 --for 1h --reason "catalogs is slow"
  signalbox mesh policy set gateway --to identity --off --for 10m --reason "is it the breaker?"`
}

// Run sets the policy.
func (c *policySet) Run(ctx context.Context, p Process) error {
	value := calls.Policy{Destination: c.To, TimeoutMS: c.Timeout.Milliseconds(), Retries: c.Retries, RetryBudget: c.RetryBudget, Off: c.Off}
	if b := (calls.BreakerPolicy{Failures: c.BreakerFailures, Calls: c.BreakerCalls, OpenMS: c.BreakerOpen.Milliseconds()}); b != (calls.BreakerPolicy{}) {
		value.Breaker = &b
	}
	if _, err := calls.ParsePolicy(value.String()); err != nil {
		return misuse("%v", err)
	}
	return c.rule(ctx, p, &c.meshFlags, "policy", value, c.caller, c.JSON)
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

// rule makes the lease of a rule about calls.
func (c change) rule(ctx context.Context, p Process, flags *meshFlags, kind string, value any, of caller, asJSON bool) error {
	api, err := flags.connect(p)
	if err != nil {
		return err
	}
	in, err := c.request(p, kind, value, target(of))
	if err != nil {
		return err
	}
	_, err = in.set(ctx, p, api, asJSON)
	return err
}

type policyList struct {
	meshFlags
	output
	Ended bool `help:"Those that have ended, too."`
}

func (policyList) Help() string { return "Example:\n  signalbox mesh policy list" }

// Run lists the policies.
func (c *policyList) Run(ctx context.Context, p Process) error {
	return (&leaseList{meshFlags: c.meshFlags, output: c.output, Kind: "policy", Ended: c.Ended}).Run(ctx, p)
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

type policyReset struct {
	meshFlags
	output
	caller
}

func (policyReset) Help() string { return "Example:\n  signalbox mesh policy reset gateway" }

// Run ends the policies of the service.
func (c *policyReset) Run(ctx context.Context, p Process) error {
	return reset(ctx, p, &c.meshFlags, "policy", c.caller, c.JSON)
}

type faultReset struct {
	meshFlags
	output
	caller
}

func (faultReset) Help() string { return "Example:\n  signalbox mesh fault reset gateway" }

// Run ends the faults of the service.
func (c *faultReset) Run(ctx context.Context, p Process) error {
	return reset(ctx, p, &c.meshFlags, "fault", c.caller, c.JSON)
}

// reset drops the leases of a kind that are for the service, or for the instance of it alone.
func reset(ctx context.Context, p Process, flags *meshFlags, kind string, of caller, asJSON bool) error {
	api, err := flags.connect(p)
	if err != nil {
		return err
	}
	service := everywhere(of.Service)
	all, err := held(ctx, api, kind, service)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(l lease) bool { return l.Service != service || of.Instance != "" && l.Instance != of.Instance })
	if len(all) == 0 {
		return fmt.Errorf("no %s holds for %s; see `signalbox mesh %s list`", kind, of.Service, kind)
	}
	dropped, err := dropAll(ctx, api, all)
	return errors.Join(printed(p, dropped, asJSON), err)
}
