package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	leasesPath = "/api/maintenance/v1/leases"
	levelsPath = "/api/maintenance/v1/levels"
)

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
	return "As the instances last reported: what has just been changed shows with their next report, a moment later.\n\nExamples:\n  signalbox level get\n  signalbox level get catalogs --logger all"
}

type levelRow struct {
	Service     string `json:"service"`
	Instance    string `json:"instance"`
	Logger      string `json:"logger"`
	Configured  string `json:"configured"`
	Leased      string `json:"leased,omitempty"`
	Effective   string `json:"effective"`
	LeaseID     string `json:"lease_id,omitempty"`
	RemainingMS int64  `json:"remaining_ms,omitempty"`
	Keep        bool   `json:"keep,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Reason      string `json:"reason,omitempty"`
}

func (r levelRow) remaining() string {
	switch {
	case r.LeaseID == "" || r.RemainingMS == 0 && !r.Keep: // made on the instance itself, or over by now
		return ""
	case r.Keep:
		return "until dropped"
	default:
		return remains(r.RemainingMS)
	}
}

// Run prints a row per instance and logger.
func (c *levelGet) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.named() {
		query.Set("service", c.Service)
	}
	rows := []levelRow{}
	for more := true; more; {
		var answer struct {
			Levels []levelRow `json:"levels"`
			Next   string     `json:"next"` // "": this is the last page
		}
		if err := api.Do(ctx, http.MethodGet, levelsPath, query, nil, &answer); err != nil {
			return err
		}
		for _, r := range answer.Levels {
			if c.Logger == "all" || r.Logger == c.Logger {
				rows = append(rows, r)
			}
		}
		query.Set("cursor", answer.Next)
		more = answer.Next != ""
	}
	if len(rows) == 0 && (c.named() || c.Logger != "") {
		return c.nobody()
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	t := newTable(p.Stdout, "SERVICE", "INSTANCE", "LOGGER", "CONFIGURED", "LEASED", "EFFECTIVE", "REMAINS", "OWNER")
	for _, r := range rows {
		t.row(r.Service, r.Instance, orDash(r.Logger), r.Configured, orDash(r.Leased), r.Effective, orDash(r.remaining()), orDash(r.Owner))
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

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

type levelSet struct {
	meshFlags
	output
	Service  string      `arg:"" help:"Service whose level changes, or 'all'."`
	Level    string      `arg:"" help:"debug, info, warn, error, or one with an offset like info+2."`
	Logger   string      `help:"Only this logger and those below it." placeholder:"NAME"`
	Instance string      `help:"Only this instance." placeholder:"NAME"`
	Budget   *budgetFlag `help:"The most it may add on each instance: 10000 lines, or 5MB; then it ends by itself." placeholder:"N"`
	DryRun   bool        `help:"Say what it would add, and change nothing."`
	change
}

func (levelSet) Help() string {
	return `The change is a lease: it ends by itself, also when everything else is down. Ends with 1 when an instance did not answer.

Examples:
  signalbox level set catalogs debug --dry-run
  signalbox level set catalogs debug --ttl 10m --reason "slow lists"
  signalbox level set catalogs debug --logger catalogs.store --budget 20000
  signalbox level set all warn --ttl 1h`
}

// Run makes the lease and prints its receipt, or what it would cost.
func (c *levelSet) Run(ctx context.Context, p Process) error {
	if service, _, dotted := strings.Cut(c.Service, "."); dotted {
		return misuse("%s is a logger, no service: `signalbox level set %s %s --logger %s`", c.Service, service, c.Level, c.Service)
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	if c.DryRun && c.Reason == "" {
		c.Reason = "a look at what it costs"
	}
	in, err := c.request(p, "level", c.Level, target{c.Service, c.Instance})
	if err != nil {
		return err
	}
	in.Logger, in.Budget, in.DryRun = c.Logger, (*budget)(c.Budget), c.DryRun
	if !c.DryRun {
		_, err = in.set(ctx, p, api, c.JSON)
		return err
	}
	var got previewAnswer
	if err := api.Do(ctx, http.MethodPost, leasesPath, nil, in, &got); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, got)
	}
	return got.print(p)
}

// previewAnswer says what a level would add to the log.
type previewAnswer struct {
	Preview struct {
		LinesPerSecond float64 `json:"lines_per_second"`
		BytesPerSecond float64 `json:"bytes_per_second"`
		Instances      int     `json:"instances"`
		Loggers        []struct {
			Service        string  `json:"service"`
			Logger         string  `json:"logger"`
			Level          string  `json:"level"`
			LinesPerSecond float64 `json:"lines_per_second"`
			BytesPerSecond float64 `json:"bytes_per_second"`
		} `json:"loggers"`
	} `json:"preview"`
	Warnings []string `json:"warnings,omitempty"`
}

func (a previewAnswer) print(p Process) error {
	v := a.Preview
	_, err := fmt.Fprintf(p.Stdout, "would add %s lines/s, %s/s on %s\n", rate(v.LinesPerSecond), amount(v.BytesPerSecond), counted(int64(v.Instances), "instance"))
	if err == nil {
		err = warn(p, a.Warnings)
	}
	if err != nil || len(v.Loggers) == 0 {
		return err
	}
	t := newTable(p.Stdout, "  LOGGER", "LEVEL", "LINES/S", "BYTES/S")
	for _, l := range v.Loggers {
		t.row("  "+l.Logger, l.Level, rate(l.LinesPerSecond), amount(l.BytesPerSecond))
	}
	return t.flush()
}

// rate has a digit behind the point while it is small.
func rate(perSecond float64) string {
	if perSecond >= 10 || perSecond == 0 {
		return grouped(int64(perSecond + .5))
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64)
}

// everywhere turns the word for all services into the API's, which is none.
func everywhere(service string) string {
	if service == "all" {
		return ""
	}
	return service
}
