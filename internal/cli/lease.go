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
}

// outcome of one instance.
type outcome struct {
	Service  string  `json:"service"`
	Instance string  `json:"instance"`
	State    string  `json:"state"`
	Error    string  `json:"error,omitempty"`
	TookMS   float64 `json:"took_ms,omitempty"`
}

func (o outcome) row(t *table, indent string) {
	took := ""
	if o.TookMS > 0 {
		took = strconv.FormatFloat(o.TookMS, 'f', 1, 64) + " ms"
	}
	t.row(indent+o.Instance, o.State, took, o.Error)
}

// receipt says what each instance made of a change.
type receipt struct {
	Lease     lease     `json:"lease"`
	Revision  int64     `json:"revision"`
	TookMS    float64   `json:"took_ms"`
	Applied   int       `json:"applied"`
	Expected  int       `json:"expected"`
	Instances []outcome `json:"instances"`
	Warnings  []string  `json:"warnings,omitempty"`
	Summary   string    `json:"summary"`
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
	if err := warn(p, r.Warnings); err != nil {
		return err
	}
	t := newTable(p.Stdout, "  INSTANCE", "STATE", "TOOK", "")
	for _, i := range r.Instances {
		i.row(t, "  ")
	}
	return t.flush()
}

func warn(p Process, all []string) error {
	for _, w := range all {
		if _, err := fmt.Fprintf(p.Stderr, "signalbox: %s\n", printable(w)); err != nil {
			return err
		}
	}
	return nil
}

type leaseList struct {
	meshFlags
	output
	Kind    string `help:"Only this kind: level, debug, blackbox, sampling, profile, window." placeholder:"KIND"`
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
	query := url.Values{}
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
	if c.JSON {
		return printJSON(p.Stdout, answer.Leases)
	}
	t := newTable(p.Stdout, "LEASE", "KIND", "TARGET", "VALUE", "REMAINS", "OWNER", "REASON").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, l := range answer.Leases {
		remains := l.remaining()
		if l.State != "active" {
			remains = l.State
		}
		t.row(l.ID, l.Kind, l.target(), valueText(l.Value), remains, l.Owner, printable(l.Reason))
	}
	return t.flush()
}

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
	t.row("state", l.State)
	if l.State == "active" {
		t.row("remains", l.remaining())
	}
	if l.Budget != nil {
		t.row("budget", l.Budget.String())
	}
	t.row("since", moment(&l.CreatedAt))
	t.row("owner", l.Owner)
	t.row("reason", printable(l.Reason))
	if err := t.flush(); err != nil {
		return err
	}
	results := newTable(p.Stdout, "\nINSTANCE", "STATE", "TOOK", "")
	for _, r := range v.Results {
		r.row(results, "")
	}
	if err := results.flush(); err != nil || len(v.Events) == 0 {
		return err
	}
	events := newTable(p.Stdout, "\nAT", "WHAT", "INSTANCE", "BY", "")
	for _, e := range v.Events {
		events.row(moment(&e.At), e.What, orDash(e.Instance), orDash(e.Actor), printable(e.Detail))
	}
	return events.flush()
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
	var got receipt
	if err := api.Do(ctx, http.MethodDelete, leasesPath+"/"+url.PathEscape(c.ID), nil, nil, &got); err != nil {
		return err
	}
	return got.print(p, c.JSON)
}
