package cli

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

type logsGaps struct {
	meshFlags
	output
	Service string `arg:"" optional:"" help:"Of this service alone."`
	Since   string `default:"24h" help:"From when on: 15m, 7d, 13:02, 2026-11-21T13:02, RFC 3339." placeholder:"TIME"`
	Until   string `help:"Until when." placeholder:"TIME"`
	Limit   int    `short:"n" default:"100" help:"The newest so many, 1 to 1000."`
	UTC     bool   `help:"Show times in UTC, not in local time."`
	Wide    bool   `help:"Show everything, however wide it is."`
}

func (logsGaps) Help() string {
	return `A gap is a hole in a sequence of records: something was written there and is not here.
  missing           a later record came, this one did not: the sender's spool was full, or damaged
  not arrived       the run has ended, and these were written and are not here yet; its successor sends them
  tail unknown      the run ended without its last word; nobody knows what it wrote after that time
  older than …      it came after the time for which records are kept

Examples:
  signalbox logs gaps
  signalbox logs gaps catalogs --since 7d --json`
}

// Run lists them, the newest first.
func (c *logsGaps) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return misuse("--limit %d: want 1 to 1000", c.Limit)
	}
	now := p.now()
	query, err := question{Since: c.Since, Until: c.Until}.values(now)
	if err != nil {
		return err
	}
	query.Del("q")
	query.Set("limit", strconv.Itoa(c.Limit))
	if c.Service != "" {
		query.Set("service", c.Service)
	}
	return c.list(ctx, p, query)
}

func (c *logsGaps) list(ctx context.Context, p Process, query url.Values) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer struct {
		Gaps []gap `json:"gaps"`
	}
	if err := api.Do(ctx, http.MethodGet, logsPath+"/gaps", query, nil, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Gaps)
	}
	l := newPlain(p, c.UTC)
	l.wide = c.Wide
	if len(answer.Gaps) == 0 {
		return l.note("nothing" + ofService(c.Service) + " is missing " + sinceThen(c.Since))
	}
	rows := [][]string{{"RECORDS", "FROM", "TO", "SERVICE", "INSTANCE", "CLASS", "CAUSE"}}
	for _, g := range answer.Gaps {
		rows = append(rows, g.row(l.clock))
	}
	return l.grid(rows, 1, headed(func(_, column int) string {
		if column == 6 {
			return magenta
		}
		return ""
	}))
}

// ofService names a service that was asked for, so that a name that none has is seen.
func ofService(name string) string {
	if name == "" {
		return ""
	}
	return " of " + printable(name)
}

func (g gap) row(clock func(time.Time) string) []string {
	records, from, to := "?", "-", "-"
	if n, known := g.count(); known {
		records = grouped(int64(n))
	}
	if g.FromTS != nil {
		from = clock(*g.FromTS)
	}
	if g.ToTS != nil {
		to = clock(*g.ToTS)
	}
	return []string{records, from, to, printable(g.Service), printable(g.Instance), printable(g.Class), printable(g.Cause)}
}
