package cli

import (
	"context"
	"strconv"
	"strings"
	"time"
)

type logsValues struct {
	meshFlags
	output
	Field string   `arg:"" help:"A column (service, logger, level …) or an attribute's path (http.status)."`
	Query []string `arg:"" optional:"" help:"Among which records." placeholder:"QUERY"`
	Since string   `default:"1h" help:"From when on: 15m, 7d, 13:02, 2026-11-21T13:02, RFC 3339." placeholder:"TIME"`
	Until string   `help:"Until when." placeholder:"TIME"`
	Limit int      `short:"n" default:"20" help:"The most frequent so many, 1 to 1000."`
}

func (logsValues) Help() string {
	return `Examples:
  signalbox logs values service 'level>=error'
  signalbox logs values user_id --since 24h service:gateway 'http.status>=500'
  signalbox logs values err -n 5`
}

// fieldValues is what the API counts.
type fieldValues struct {
	Field    string `json:"field"`
	Records  int64  `json:"records"`  // that match
	With     int64  `json:"with"`     // and have the field
	Distinct int64  `json:"distinct"` // values
	Others   int64  `json:"others"`   // values that are not listed
	Values   []struct {
		Value string  `json:"value"`
		Count int64   `json:"count"`
		Share float64 `json:"share"` // of the records that match
	} `json:"values"`
	Partial bool  `json:"partial,omitempty"`
	Gaps    []gap `json:"gaps"`
}

// Run lists the values, the most frequent first, with a bar each.
func (c *logsValues) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return misuse("--limit %d: want 1 to 1000", c.Limit)
	}
	q := question{c.Query, c.Since, c.Until}
	query, err := q.values(p.now())
	if err != nil {
		return err
	}
	query.Set("field", c.Field)
	query.Set("limit", strconv.Itoa(c.Limit))
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var answer fieldValues
	if err := q.ask(ctx, api, "/top-values", query, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer)
	}
	return answer.print(newPlain(p, false))
}

// newPlain prints tables, with times in UTC or local ones.
func newPlain(p Process, utc bool) *lines {
	l := &lines{out: p.Stdout, screen: screenOf(p.Stdout, p.Environ), utc: utc, told: map[string]bool{}}
	l.today = l.zone(p.now()).Format(time.DateOnly)
	return l
}

// barCells is the width of a share of one.
const barCells = 20

func (a fieldValues) print(l *lines) error {
	if a.Records > 0 && a.With == 0 {
		return l.note("none of " + grouped(a.Records) + " records has " + printable(a.Field) + "; 'signalbox logs -n 1' shows how attributes are called")
	}
	rows := [][]string{{"COUNT", "SHARE", strings.Repeat(" ", barCells), printable(a.Field)}}
	for _, v := range a.Values {
		rows = append(rows, []string{grouped(v.Count), percent(v.Share), strings.Repeat("█", int(v.Share*barCells+0.5)), printable(v.Value)})
	}
	err := l.grid(rows, 2, func(row, column int) string {
		if row == 0 {
			return faint
		}
		return []string{"", "", blue, ""}[column]
	})
	if err == nil {
		err = l.note(a.sum())
	}
	if err == nil {
		err = l.foot(a.Partial)
	}
	if err == nil {
		err = l.all(nil, a.Gaps)
	}
	return err
}

// sum says of how many records the list speaks.
func (a fieldValues) sum() string {
	text := grouped(a.Records) + " records match, " + grouped(a.With) + " of them have it"
	if a.Distinct > int64(len(a.Values)) {
		text += ", " + grouped(a.Distinct) + " different values"
	}
	return text
}
