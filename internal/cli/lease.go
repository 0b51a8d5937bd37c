package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

type leaseCommand struct {
	List leaseList `cmd:"" default:"withargs" help:"List what is changed, by whom and for how long."`
	Drop leaseDrop `cmd:"" help:"End a lease now."`
}

// lease is a change of the mesh that ends by itself.
type lease struct {
	ID          string    `json:"id"`
	Revision    int64     `json:"revision"`
	Kind        string    `json:"kind"`
	Service     string    `json:"service,omitempty"`
	Instance    string    `json:"instance,omitempty"`
	Logger      string    `json:"logger,omitempty"`
	Value       string    `json:"value"`
	Owner       string    `json:"owner"`
	Reason      string    `json:"reason"`
	State       string    `json:"state"`
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	RemainingMS int64     `json:"remaining_ms"`
}

func (l lease) remaining() string {
	return (time.Duration(l.RemainingMS) * time.Millisecond).Round(time.Second).String()
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

type leasesAnswer struct {
	Leases []lease `json:"leases"`
}

func (a leasesAnswer) byID() map[string]lease {
	all := map[string]lease{}
	for _, l := range a.Leases {
		all[l.ID] = l
	}
	return all
}

// receipt says what each instance made of a change.
type receipt struct {
	Lease     lease   `json:"lease"`
	Revision  int64   `json:"revision"`
	TookMS    float64 `json:"took_ms"`
	Applied   int     `json:"applied"`
	Expected  int     `json:"expected"`
	Instances []struct {
		Service  string `json:"service"`
		Instance string `json:"instance"`
		State    string `json:"state"`
		Error    string `json:"error,omitempty"`
	} `json:"instances"`
	Summary string `json:"summary"`
}

// print shows the receipt; an instance that did not do it is an error.
func (r receipt) print(p Process, asJSON bool) error {
	if asJSON {
		if err := printJSON(p.Stdout, r); err != nil {
			return err
		}
	} else if err := r.words(p); err != nil {
		return err
	}
	if r.Applied < r.Expected {
		return fmt.Errorf("%d of %d instances did not confirm; the lease holds, and they take it with their next heartbeat", r.Expected-r.Applied, r.Expected)
	}
	return nil
}

func (r receipt) words(p Process) error {
	if _, err := fmt.Fprintf(p.Stdout, "%s   (lease %s)\n", r.Summary, r.Lease.ID); err != nil {
		return err
	}
	t := newTable(p.Stdout, "  INSTANCE", "STATE", "")
	for _, i := range r.Instances {
		t.row("  "+i.Instance, i.State, i.Error)
	}
	return t.flush()
}

type leaseList struct {
	meshFlags
	output
}

// Run lists the active leases.
func (c *leaseList) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer leasesAnswer
	if err := api.Do(ctx, http.MethodGet, leasesPath, nil, nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Leases)
	}
	t := newTable(p.Stdout, "LEASE", "KIND", "TARGET", "VALUE", "REMAINS", "OWNER", "REASON")
	for _, l := range answer.Leases {
		if l.State == "active" {
			t.row(l.ID, l.Kind, l.target(), l.Value, l.remaining(), l.Owner, printable(l.Reason))
		}
	}
	return t.flush()
}

type leaseDrop struct {
	meshFlags
	output
	ID string `arg:"" help:"The lease, as 'lease list' shows it."`
}

// Run drops it and prints the receipt.
func (c *leaseDrop) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var got receipt
	if err := api.Do(ctx, http.MethodDelete, leasesPath+"/"+url.PathEscape(c.ID), nil, nil, &got); err != nil {
		return err
	}
	return got.print(p, c.JSON)
}
