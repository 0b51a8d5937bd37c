package cli

import (
	"context"
	"fmt"
	"time"

	calls "github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

type policyCommand struct {
	Set   policySet   `cmd:"" help:"Set a policy."`
	List  policyList  `cmd:"" default:"withargs" help:"List the policies that hold."`
	Reset policyReset `cmd:"" help:"End the policies of a service: its defaults hold again."`
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

type policyReset struct {
	meshFlags
	output
	caller
}

func (policyReset) Help() string { return "Example:\n  signalbox mesh policy reset gateway" }

// Run ends the policies of the service.
func (c *policyReset) Run(ctx context.Context, p Process) error {
	none := fmt.Errorf("no policy holds for %s; see `signalbox mesh policy list`", c.Service)
	return target(c.caller).end(ctx, p, &c.meshFlags, "policy", none, c.JSON)
}
