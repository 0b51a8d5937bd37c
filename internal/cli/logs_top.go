package cli

import (
	"context"
	"fmt"
	"strconv"
)

type logsTop struct {
	meshFlags
	output
	Since string `default:"24h" help:"From when on: 15m, 7d, 13:02, 2026-11-21T13:02, RFC 3339." placeholder:"TIME"`
	Until string `help:"Until when." placeholder:"TIME"`
	Limit int    `short:"n" default:"10" help:"The dearest so many of each, 1 to 100."`
}

func (logsTop) Help() string {
	return `BYTES is what was sent; on disk it is a fourth of it or less. Templates are estimated from a sample.
PER SECOND is over the time for which there are records: from a service's first to its last one, within what is asked for.
What costs most and says least is what to turn down, in the code or with 'signalbox level set'.

Examples:
  signalbox logs top
  signalbox logs top --since 1h -n 5`
}

// costs is what the API adds up.
type costs struct {
	Records   int64          `json:"records"`
	Bytes     int64          `json:"bytes"`
	Services  []costService  `json:"services"`
	Templates []costTemplate `json:"templates"`
	Sampled   int            `json:"sampled"` // blocks that the templates are estimated from …
	Blocks    int            `json:"blocks"`  // … of so many
	Partial   bool           `json:"partial,omitempty"`
	Gaps      []gap          `json:"gaps"`
}

type costService struct {
	Service string  `json:"service"`
	Records int64   `json:"records"`
	Bytes   int64   `json:"bytes"`
	Share   float64 `json:"share"` // of the bytes
	Rate    float64 `json:"rate"`  // records per second
}

type costTemplate struct {
	Service  string  `json:"service"`
	Template string  `json:"template"`
	Records  int64   `json:"records"`
	Bytes    int64   `json:"bytes"`
	Share    float64 `json:"share"` // of the bytes
}

// Run prints two tables.
func (c *logsTop) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 || c.Limit > 100 {
		return misuse("--limit %d: want 1 to 100", c.Limit)
	}
	q := question{Since: c.Since, Until: c.Until}
	query, err := q.values(p.now())
	if err != nil {
		return err
	}
	query.Del("q")
	query.Set("limit", strconv.Itoa(c.Limit))
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer costs
	if err := q.ask(ctx, api, "/cost", query, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer)
	}
	return answer.print(newPlain(p, false))
}

func (a costs) print(l *lines) error {
	services := [][]string{{"BYTES", "SHARE", "RECORDS", "A RECORD", "PER SECOND", "SERVICE"}}
	for _, s := range a.Services {
		services = append(services, []string{amount(float64(s.Bytes)), percent(s.Share), grouped(s.Records), each(s.Bytes, s.Records),
			perSecond(s.Rate), printable(s.Service)})
	}
	templates := [][]string{{"BYTES", "SHARE", "RECORDS", "A RECORD", "SERVICE", "TEMPLATE"}}
	for _, t := range a.Templates {
		templates = append(templates, []string{amount(float64(t.Bytes)), percent(t.Share), grouped(t.Records), each(t.Bytes, t.Records),
			printable(t.Service), printable(t.Template)})
	}
	_, err := fmt.Fprintf(l.out, "%s records, %s\n\n", grouped(a.Records), amount(float64(a.Bytes)))
	if err == nil {
		err = l.grid(services, 5, headed(func(int, int) string { return "" }))
	}
	if err == nil {
		_, err = fmt.Fprintln(l.out)
	}
	if err == nil {
		err = l.grid(templates, 4, headed(func(int, int) string { return "" }))
	}
	if err == nil && a.Sampled < a.Blocks {
		err = l.note(fmt.Sprintf("templates are estimated from %s of %s blocks", grouped(int64(a.Sampled)), grouped(int64(a.Blocks))))
	}
	if err == nil {
		err = l.foot(a.Partial)
	}
	if err == nil {
		err = l.all(nil, a.Gaps)
	}
	return err
}

// headed leaves the header faint.
func headed(rest func(row, column int) string) func(row, column int) string {
	return func(row, column int) string {
		if row == 0 {
			return faint
		}
		return rest(row, column)
	}
}

func each(bytes, records int64) string {
	if records == 0 {
		return "-"
	}
	return amount(float64(bytes) / float64(records))
}

// perSecond shows two digits of what is rare, and whole numbers of what is not.
func perSecond(rate float64) string {
	if rate >= 10 {
		return grouped(int64(rate + 0.5))
	}
	if rate > 0 && rate < 0.001 {
		return "<0.001"
	}
	return strconv.FormatFloat(rate, 'g', 2, 64)
}
