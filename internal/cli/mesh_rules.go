package cli

import "context"

type meshCommand struct {
	Policy policyCommand `cmd:"" help:"Deadline, retries and circuit breaker of a service's calls to another."`
	Fault  faultCommand  `cmd:"" help:"Delays, errors and resets for a share of a service's calls to another."`
}

// caller is whose calls are meant.
type caller struct {
	Service  string `arg:"" help:"The service that calls."`
	Instance string `help:"Only this instance of it." placeholder:"NAME"`
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
