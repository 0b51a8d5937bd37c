package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type leaseCommand struct {
	List leaseList `cmd:"" default:"withargs" help:"List what is changed, by whom and for how long."`
	Show leaseShow `cmd:"" help:"Show one lease, what each instance made of it, and what became of it."`
	Drop leaseDrop `cmd:"" help:"End a lease now."`
}

// lease is a change of the mesh that ends by itself.
type lease struct {
	ID          string          `json:"id"`
	Revision    int64           `json:"revision"`
	Kind        string          `json:"kind"`
	Service     string          `json:"service,omitempty"`
	Instance    string          `json:"instance,omitempty"`
	Logger      string          `json:"logger,omitempty"`
	Value       json.RawMessage `json:"value"`
	Owner       string          `json:"owner"`
	Reason      string          `json:"reason"`
	State       string          `json:"state"`
	Keep        bool            `json:"keep,omitempty"`
	Budget      *budget         `json:"budget,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	ExpiresAt   *time.Time      `json:"expires_at,omitempty"`
	RemainingMS int64           `json:"remaining_ms"`
	DroppedBy   string          `json:"dropped_by,omitempty"`
}

func (l lease) remaining() string {
	if l.Keep {
		return "until dropped"
	}
	return remains(l.RemainingMS)
}

func remains(ms int64) string {
	return (time.Duration(ms) * time.Millisecond).Round(time.Second).String()
}

func (l lease) target() string {
	target := l.Service
	if target == "" {
		target = "all"
	}
	if l.Instance != "" {
		target += "/" + l.Instance
	}
	if l.Logger != "" {
		target += " " + l.Logger
	}
	return target
}

// pairsText is key=value of what is set, sorted by key.
func pairsText(parts map[string]any) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		switch v := parts[key].(type) {
		case map[string]any:
			if inner := pairsText(v); inner != "" {
				all = append(all, key+"("+inner+")")
			}
		case string:
			if v != "" {
				all = append(all, key+"="+printable(v))
			}
		case float64:
			if v != 0 {
				all = append(all, key+"="+strconv.FormatFloat(v, 'f', -1, 64))
			}
		default:
			all = append(all, fmt.Sprintf("%s=%v", key, v))
		}
	}
	return strings.Join(all, " ")
}

type leasesAnswer struct {
	Leases []lease `json:"leases"`
	Next   int64   `json:"next"` // revision; 0: these are all
}

type leaseList struct {
	meshFlags
	output
	Kind    string `help:"Only this kind: level, debug, blackbox, sampling, profile, window, policy, fault." placeholder:"KIND"`
	Service string `help:"Only leases for this service." placeholder:"NAME"`
	Ended   bool   `help:"Those that have ended, too."`
	Wide    bool   `help:"Show everything, however wide it is."`
}

func (leaseList) Help() string {
	return "Examples:\n  signalbox lease list\n  signalbox lease list --kind window --ended\n  signalbox lease list --json | jq -r '.[].id'"
}

// Run lists the leases, the newest first.
func (c *leaseList) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(pageSize)}}
	for name, value := range map[string]string{"kind": c.Kind, "service": c.Service} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.Ended {
		query.Set("ended", "true")
	}
	var answer leasesAnswer
	if err := api.Do(ctx, http.MethodGet, leasesPath, query, nil, &answer); err != nil {
		return err
	}
	if answer.Next > 0 {
		if err := warn(p, []string{fmt.Sprintf("these are the newest %d; --kind and --service narrow them down", len(answer.Leases))}); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Leases)
	}
	t := newTable(p.Stdout, "LEASE", "KIND", "TARGET", "VALUE", "REMAINS", "OWNER", "REASON").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, l := range answer.Leases {
		remains := l.remaining()
		if l.State != "active" {
			remains = l.State
		}
		t.row(l.ID, l.Kind, l.target(), valueText(l.Value), remains, l.Owner, l.Reason)
	}
	return t.flush()
}

type leaseDrop struct {
	meshFlags
	output
	ID string `arg:"" help:"The lease, as 'lease list' shows it."`
}

func (leaseDrop) Help() string {
	return "Example:\n  signalbox lease drop 0198c0de-0000-7000-8000-000000000001"
}

// Run drops it and prints the receipt.
func (c *leaseDrop) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	got, err := drop(ctx, api, c.ID)
	if err != nil {
		return err
	}
	return got.print(p, c.JSON)
}
