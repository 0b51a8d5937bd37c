package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const auditPath = "/api/maintenance/v1/audit"

type auditCommand struct {
	meshFlags
	output
	Wide    bool   `help:"Show everything, however wide it is."`
	Service string `arg:"" optional:"" help:"Only changes of this service, and of all services at once."`
	Since   string `help:"From then on: 24h, 7d, or a time." default:"24h" placeholder:"TIME"`
	Actor   string `help:"Only what this one did: a name or a subject." placeholder:"NAME"`
	Action  string `help:"Only this: lease.set, lease.drop, lease.expire, lease.spent, level.local, profile.captured, profile.deleted." placeholder:"ACTION"`
	Limit   int    `help:"At most so many, the newest." default:"50"`
}

func (auditCommand) Help() string {
	return `Examples:
  signalbox audit
  signalbox audit catalogs --since 7d --action lease.set
  signalbox audit --json | jq '.[] | {at, name, action, after}'`
}

// audited is one change.
type audited struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Name    string          `json:"name"`
	Action  string          `json:"action"`
	Service string          `json:"service,omitempty"`
	Subject string          `json:"subject"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Detail  json.RawMessage `json:"detail"`
	Results []outcome       `json:"results,omitempty"`
}

// Run lists who changed what, the newest first.
func (c *auditCommand) Run(ctx context.Context, p Process) error {
	since, err := instant(c.Since, p.now())
	if err != nil {
		return misuse("--since %v", err)
	}
	if c.Limit < 1 || c.Limit > 1000 {
		return misuse("--limit %d: want 1 to 1000", c.Limit)
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{"since": {since.UTC().Format(time.RFC3339)}, "limit": {strconv.Itoa(c.Limit)}}
	for name, value := range map[string]string{"service": c.Service, "actor": c.Actor, "action": c.Action} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var answer struct {
		Changes []audited `json:"changes"`
		Next    int64     `json:"next"` // 0: these are all
	}
	if err := api.Do(ctx, http.MethodGet, auditPath, query, nil, &answer); err != nil {
		return err
	}
	if answer.Next > 0 {
		if err := warn(p, []string{fmt.Sprintf("these are the newest %d; --limit shows more, --since, --actor and --action fewer", len(answer.Changes))}); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Changes)
	}
	t := newTable(p.Stdout, "AT", "BY", "ACTION", "TARGET", "CHANGE", "REASON", "DONE").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, a := range answer.Changes {
		t.row(moment(&a.At), a.Name, a.Action, a.target(), a.change(), a.detail("reason"), a.done())
	}
	return t.flush()
}

// detail is one text of what the row says besides.
func (a audited) detail(name string) string {
	var parts map[string]any
	if json.Unmarshal(a.Detail, &parts) != nil {
		return ""
	}
	text, _ := parts[name].(string)
	return text
}

func (a audited) target() string {
	return lease{Service: a.Service, Instance: a.detail("instance"), Logger: a.detail("logger")}.target()
}

// change is what held before and what after.
func (a audited) change() string {
	before, after := heldValue(a.Before), heldValue(a.After)
	if before == "" || after == "" {
		return before + after
	}
	return before + " → " + after
}

// heldValue is the value of one side: a lease's, or a text.
func heldValue(raw json.RawMessage) string {
	var state struct {
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal(raw, &state) == nil && state.Value != nil {
		raw = state.Value
	}
	return printable(valueText(raw))
}

func (a audited) done() string {
	if len(a.Results) == 0 {
		return "–"
	}
	applied := 0
	for _, r := range a.Results {
		if r.State == "applied" {
			applied++
		}
	}
	return strconv.Itoa(applied) + " of " + strconv.Itoa(len(a.Results))
}
