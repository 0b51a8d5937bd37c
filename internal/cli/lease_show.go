package cli

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

type leaseShow struct {
	meshFlags
	output
	ID string `arg:"" help:"The lease, as 'lease list' shows it."`
}

func (leaseShow) Help() string {
	return "Example:\n  signalbox lease show 0198c0de-0000-7000-8000-000000000001"
}

type leaseEvent struct {
	At       time.Time `json:"at"`
	What     string    `json:"what"`
	Service  string    `json:"service,omitempty"`
	Instance string    `json:"instance,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

type leaseView struct {
	Lease   lease        `json:"lease"`
	Results []outcome    `json:"results"`
	Ends    []outcome    `json:"ends,omitempty"` // of its end: applied is who has it no more
	Events  []leaseEvent `json:"events"`
}

// Run prints all that is known of a lease.
func (c *leaseShow) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var v leaseView
	if err := api.Do(ctx, http.MethodGet, leasesPath+"/"+url.PathEscape(c.ID), nil, nil, &v); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, v)
	}
	return v.print(p)
}

func (v leaseView) print(p Process) error {
	l := v.Lease
	t := newTable(p.Stdout, "lease", l.ID)
	t.row("kind", l.Kind)
	t.row("for", l.target())
	t.row("value", valueText(l.Value))
	state := l.State
	if l.DroppedBy != "" {
		state += " by " + l.DroppedBy
	}
	t.row("state", state)
	if l.State == "active" {
		t.row("remains", l.remaining())
	}
	if l.Budget != nil {
		t.row("budget", l.Budget.String())
	}
	t.row("since", moment(&l.CreatedAt))
	t.row("owner", l.Owner)
	t.row("reason", l.Reason)
	if err := t.flush(); err != nil {
		return err
	}
	results := newTable(p.Stdout, "\nINSTANCE", "STATE", "TOOK", "")
	for _, r := range v.Results {
		r.row(results, "")
	}
	if err := results.flush(); err != nil {
		return err
	}
	if err := v.ended(p); err != nil || len(v.Events) == 0 {
		return err
	}
	events := newTable(p.Stdout, "\nAT", "WHAT", "INSTANCE", "BY", "")
	for _, e := range v.Events {
		events.row(moment(&e.At), e.What, orDash(e.Instance), orDash(e.Actor), e.Detail)
	}
	return events.flush()
}

// ended says what the instances have told of the lease's end.
func (v leaseView) ended(p Process) error {
	if len(v.Ends) == 0 {
		return nil
	}
	t := newTable(p.Stdout, "\nENDED ON", "STATE", "TOOK", "")
	for _, r := range v.Ends {
		r.row(t, "")
	}
	return t.flush()
}
