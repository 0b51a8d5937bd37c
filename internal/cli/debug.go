package cli

import (
	"context"
	"strings"
)

type debugCommand struct {
	meshFlags
	output
	User   string `help:"Requests of this user (the token's subject)." placeholder:"ID"`
	Tenant string `help:"Requests of this tenant." placeholder:"ID"`
	Route  string `help:"Requests of this route, as its pattern: \"GET /v1/types\"." placeholder:"PATTERN"`
	Header string `help:"Requests with this header." placeholder:"NAME=VALUE"`
	Trace  string `help:"This trace." placeholder:"ID"`
	Level  string `default:"debug" help:"The level that they log at." placeholder:"LEVEL"`

	Budget *budgetFlag `help:"The most it may add on each instance: 10000 lines, or 5MB; then it ends by itself." placeholder:"N"`
	change
}

func (debugCommand) Help() string {
	return `Only the requests that fulfil all conditions log at the level, in every service that they touch; all others stay as they are.

Examples:
  signalbox debug --user 42 --for 10m
  signalbox debug --route "GET /v1/types/{type}/records" --header X-Canary=1 --for 5m --reason "slow lists"`
}

// Run makes the lease and prints its receipt.
func (c *debugCommand) Run(ctx context.Context, p Process) error {
	value := map[string]any{"level": c.Level}
	for name, text := range map[string]string{"user": c.User, "tenant": c.Tenant, "route": c.Route, "trace": c.Trace} {
		if text != "" {
			value[name] = text
		}
	}
	if c.Header != "" {
		name, text, ok := strings.Cut(c.Header, "=")
		if !ok || name == "" {
			return misuse("--header %q: want NAME=VALUE", c.Header)
		}
		value["header"] = map[string]string{"name": name, "value": text}
	}
	if len(value) == 1 {
		return misuse("say which requests: --user, --tenant, --route, --header or --trace; `signalbox level set` changes the level of all")
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	in, err := c.request(p, "debug", value, target{})
	if err != nil {
		return err
	}
	in.Budget = (*budget)(c.Budget)
	_, err = in.set(ctx, p, api, c.JSON)
	return err
}
