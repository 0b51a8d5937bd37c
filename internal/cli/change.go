package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// change is what every command has that changes the mesh for a time.
type change struct {
	TTL    *duration `name:"ttl" aliases:"for" help:"How long it holds (or --for): 15m, 2h, 1d; else as the mesh is set, which is 15m at first." placeholder:"TIME"`
	Keep   bool      `help:"Hold it until it is dropped; needs the role admin."`
	Reason string    `help:"Why; it stands in the audit. Asked for on a terminal." placeholder:"TEXT"`
	Strict bool      `help:"Refuse it when nobody that runs is meant."`
}

// target is whom a change is for.
type target struct {
	Service  string
	Instance string
}

// lease asked for: the body of POST /leases.
type leaseRequest struct {
	Kind     string  `json:"kind"`
	Service  string  `json:"service,omitempty"`
	Instance string  `json:"instance,omitempty"`
	Logger   string  `json:"logger,omitempty"`
	Value    any     `json:"value"`
	TTL      string  `json:"ttl,omitempty"`
	Keep     bool    `json:"keep,omitempty"`
	Reason   string  `json:"reason"`
	Budget   *budget `json:"budget,omitempty"`
	Strict   bool    `json:"strict,omitempty"`
	DryRun   bool    `json:"dry_run,omitempty"`
}

// request begins the body that all kinds have in common.
func (c change) request(p Process, kind string, value any, to target) (leaseRequest, error) {
	if service, rest, dotted := strings.Cut(to.Service, "."); dotted {
		return leaseRequest{}, misuse("%s.%s is a logger, no service: say --logger %s.%s", service, rest, service, rest)
	}
	in := leaseRequest{Kind: kind, Service: everywhere(to.Service), Instance: to.Instance, Value: value, Keep: c.Keep, Strict: c.Strict}
	switch {
	case c.TTL != nil && c.Keep:
		return in, misuse("--keep holds it until it is dropped: leave --ttl out")
	case c.TTL != nil:
		in.TTL = c.TTL.String()
	}
	var err error
	in.Reason, err = c.why(p)
	return in, err
}

// why asks whoever sits at a terminal; a program need not answer.
func (c change) why(p Process) (string, error) {
	if c.Reason != "" {
		return c.Reason, nil
	}
	in, ok := p.Stdin.(*os.File)
	if !ok || !isTerminal(in) || !isTerminal(p.Stderr) {
		return "set from the command line", nil
	}
	if _, err := fmt.Fprint(p.Stderr, "Why? "); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(in).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", misuse("a change needs a reason: --reason \"…\"")
	}
	return line, err
}

// set makes the lease and prints its receipt.
func (r leaseRequest) set(ctx context.Context, p Process, api *client.Client, asJSON bool) (receipt, error) {
	var got receipt
	if err := api.Do(ctx, http.MethodPost, leasesPath, nil, r, &got); err != nil {
		return got, err
	}
	if err := got.print(p, asJSON); err != nil || got.Expected > 0 {
		return got, err
	}
	return got, fmt.Errorf("no live instance is meant, see `signalbox ps`: the lease holds for one that starts; `signalbox lease drop %s` ends it", got.Lease.ID)
}

// end drops the leases of a kind that are for the service, or for the instance of it alone; where there is no such lease the
// error is none.
func (t target) end(ctx context.Context, p Process, flags *meshFlags, kind string, none error, asJSON bool) error {
	api, err := flags.connect(p)
	if err != nil {
		return err
	}
	service := everywhere(t.Service)
	all, err := held(ctx, api, kind, service)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(l lease) bool { return l.Service != service || t.Instance != "" && l.Instance != t.Instance })
	if len(all) == 0 {
		return none
	}
	dropped, err := dropAll(ctx, api, all)
	return errors.Join(printed(p, dropped, asJSON), err)
}

// valueText shows a lease's value; one with parts as key=value.
func valueText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	var parts map[string]any
	if json.Unmarshal([]byte(text), &parts) != nil {
		return text
	}
	return pairsText(parts)
}
