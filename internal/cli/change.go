package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
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

// budget of a lease: lines or bytes, whichever is spent first. 0: none.
type budget struct {
	Lines int64 `json:"lines,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
}

// budgetFlag is a budget on the command line.
type budgetFlag budget

// UnmarshalText reads 10000 (lines), 10000lines, 5MB or 512KiB.
func (b *budgetFlag) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToLower(strings.TrimSpace(string(text)[len(number):]))
	n, err := strconv.ParseFloat(strings.ReplaceAll(number, "_", ""), 64)
	if err != nil || n < 1 || n > 1<<50 {
		return fmt.Errorf("%q: want lines as 10000, or bytes as 5MB or 512KiB", text)
	}
	if unit == "" || unit == "line" || unit == "lines" {
		b.Lines = int64(n)
		return nil
	}
	for i, name := range []string{"b", "kb", "mb", "gb"} {
		factor := []float64{1, 1e3, 1e6, 1e9}[i]
		binary := float64(int64(1) << (10 * i))
		switch unit {
		case name:
			b.Bytes = int64(n * factor)
			return nil
		case strings.TrimSuffix(name, "b") + "ib":
			b.Bytes = int64(n * binary)
			return nil
		}
	}
	return fmt.Errorf("%q: want lines as 10000, or bytes as 5MB or 512KiB", text)
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

// String as people write it.
func (b budget) String() string {
	var all []string
	if b.Lines > 0 {
		all = append(all, counted(b.Lines, "line"))
	}
	if b.Bytes > 0 {
		all = append(all, amount(float64(b.Bytes)))
	}
	return strings.Join(all, ", ")
}
