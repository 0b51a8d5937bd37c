package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const leasesPath = "/api/maintenance/v1/leases"

type levelCommand struct {
	Get   levelGet   `cmd:"" help:"Show the configured, leased and effective level of every instance."`
	Set   levelSet   `cmd:"" help:"Change a level for a time, and show who has it."`
	Reset levelReset `cmd:"" help:"Drop leases on a level, back to what is configured."`
}

type levelGet struct {
	meshFlags
	output
	Service string `arg:"" optional:"" help:"Only this service; 'all', or nothing: every one."`
	Logger  string `help:"This logger instead of the root; 'all' for every one." placeholder:"NAME"`
}

func (levelGet) Help() string {
	return "Examples:\n  signalbox level get\n  signalbox level get catalogs --logger all"
}

type levelRow struct {
	Service    string `json:"service"`
	Instance   string `json:"instance"`
	Logger     string `json:"logger"`
	Configured string `json:"configured"`
	Leased     string `json:"leased,omitempty"`
	Effective  string `json:"effective"`
	LeaseID    string `json:"lease_id,omitempty"`
	Remaining  string `json:"remaining,omitempty"`
	Owner      string `json:"owner,omitempty"`
}

// Run prints a row per instance and logger.
func (c *levelGet) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var fleet instancesAnswer
	if err := api.Do(ctx, http.MethodGet, instancesPath, nil, nil, &fleet); err != nil {
		return err
	}
	var leases leasesAnswer
	if err := api.Do(ctx, http.MethodGet, leasesPath, nil, nil, &leases); err != nil {
		return err
	}
	rows := c.rows(fleet, leases.byID())
	if len(rows) == 0 && (c.named() || c.Logger != "") {
		return c.nobody()
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	t := newTable(p.Stdout, "SERVICE", "INSTANCE", "LOGGER", "CONFIGURED", "LEASED", "EFFECTIVE", "REMAINS", "OWNER")
	for _, r := range rows {
		t.row(r.Service, r.Instance, orDash(r.Logger), r.Configured, orDash(r.Leased), r.Effective, orDash(r.Remaining), orDash(r.Owner))
	}
	return t.flush()
}

// named: one service is asked for, not all.
func (c *levelGet) named() bool { return everywhere(c.Service) != "" }

// nobody says why there is no row, when one was asked for by name.
func (c *levelGet) nobody() error {
	if c.Logger != "" && c.Logger != "all" {
		return fmt.Errorf("no live instance has the logger %q; see `signalbox level get --logger all`", c.Logger)
	}
	return fmt.Errorf("no live instance of %q; see `signalbox ps`", c.Service)
}

func (c *levelGet) rows(fleet instancesAnswer, leases map[string]lease) []levelRow {
	rows := []levelRow{}
	for _, i := range fleet.Instances {
		if i.State != "live" || (c.named() && i.Service != c.Service) {
			continue
		}
		for _, l := range i.Loggers {
			if c.Logger != "all" && l.Name != c.Logger {
				continue
			}
			r := levelRow{Service: i.Service, Instance: i.Instance, Logger: l.Name, Configured: l.Configured, Leased: l.Leased, Effective: l.Effective, LeaseID: l.LeaseID}
			if held, ok := leases[l.LeaseID]; ok {
				r.Remaining, r.Owner = held.remaining(), held.Owner
			}
			rows = append(rows, r)
		}
	}
	return rows
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

type levelSet struct {
	meshFlags
	output
	Service  string        `arg:"" help:"Service whose level changes, or 'all'."`
	Level    string        `arg:"" help:"debug, info, warn, error, or one with an offset like info+2."`
	Logger   string        `help:"Only this logger and those below it." placeholder:"NAME"`
	Instance string        `help:"Only this instance." placeholder:"NAME"`
	TTL      time.Duration `help:"How long it holds." default:"15m" name:"ttl"`
	Reason   string        `help:"Why; it stands in the audit." default:"set from the command line"`
}

func (levelSet) Help() string {
	return `The change is a lease: it ends by itself, also when everything else is down. Ends with 1 when an instance did not answer.

Examples:
  signalbox level set catalogs debug --ttl 10m --reason "slow lists"
  signalbox level set catalogs debug --logger catalogs.store
  signalbox level set all warn --ttl 1h`
}

// Run makes the lease and prints its receipt.
func (c *levelSet) Run(ctx context.Context, p Process) error {
	if service, _, dotted := strings.Cut(c.Service, "."); dotted {
		return misuse("%s is a logger, no service: `signalbox level set %s %s --logger %s`", c.Service, service, c.Level, c.Service)
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	in := map[string]string{"kind": "level", "value": c.Level, "ttl": c.TTL.String(), "reason": c.Reason}
	put(in, "service", everywhere(c.Service))
	put(in, "logger", c.Logger)
	put(in, "instance", c.Instance)
	var got receipt
	if err := api.Do(ctx, http.MethodPost, leasesPath, nil, in, &got); err != nil {
		return err
	}
	if err := got.print(p, c.JSON); err != nil || got.Expected > 0 {
		return err
	}
	return fmt.Errorf("no live instance is meant, see `signalbox ps`: the lease holds for one that starts; `signalbox lease drop %s` ends it", got.Lease.ID)
}

func put(into map[string]string, name, value string) {
	if value != "" {
		into[name] = value
	}
}

// everywhere turns the word for all services into the API's, which is none.
func everywhere(service string) string {
	if service == "all" {
		return ""
	}
	return service
}

type levelReset struct {
	meshFlags
	output
	Service string `arg:"" help:"Service whose leases are dropped, or 'all'."`
	Logger  string `help:"Only leases on this logger." placeholder:"NAME"`
}

func (levelReset) Help() string {
	return "Examples:\n  signalbox level reset catalogs\n  signalbox level reset all"
}

// Run drops the active leases on the target; a reset never guesses a level.
func (c *levelReset) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var leases leasesAnswer
	if err := api.Do(ctx, http.MethodGet, leasesPath, nil, nil, &leases); err != nil {
		return err
	}
	receipts := []receipt{}
	for _, l := range leases.Leases {
		if l.State != "active" || l.Kind != "level" || (c.Service != "all" && l.Service != c.Service) || (c.Logger != "" && l.Logger != c.Logger) {
			continue
		}
		var got receipt
		if err := api.Do(ctx, http.MethodDelete, leasesPath+"/"+url.PathEscape(l.ID), nil, nil, &got); err != nil {
			return err
		}
		receipts = append(receipts, got)
	}
	return c.print(p, receipts)
}

func (c *levelReset) print(p Process, receipts []receipt) error {
	if c.JSON {
		return printJSON(p.Stdout, receipts)
	}
	if len(receipts) == 0 {
		_, err := fmt.Fprintf(p.Stdout, "no lease holds on %s\n", c.Service)
		return err
	}
	for _, r := range receipts {
		if err := r.print(p, false); err != nil {
			return err
		}
	}
	return nil
}
