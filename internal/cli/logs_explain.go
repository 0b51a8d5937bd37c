package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// plan is what the API would look through.
type plan struct {
	Partitions int      `json:"partitions"`
	Blocks     int64    `json:"blocks"`
	InTime     int64    `json:"in_time"`
	OfServices int64    `json:"of_services"`
	OfLevels   int64    `json:"of_levels"`
	Asked      int64    `json:"asked"`
	Candidates int64    `json:"candidates"`
	Records    int64    `json:"records"`
	Bytes      int64    `json:"bytes"`
	Columns    []string `json:"columns"`
	Counted    bool     `json:"counted"`
}

// explain prints the plan: what is left after each step, and what would make it less.
func (c *logsSearch) explain(ctx context.Context, p Process, api *client.Client, query url.Values) error {
	query.Set("explain", "true")
	var answer struct {
		Plan  plan      `json:"plan"`
		Since time.Time `json:"since"`
		Until time.Time `json:"until"`
	}
	if err := c.ask(ctx, api, "", query, &answer); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer.Plan)
	}
	return answer.Plan.print(newPlain(p, false))
}

func (a plan) print(l *lines) error {
	rows := [][]string{
		{"blocks", grouped(a.Blocks), "in the store"},
		{"in the time", grouped(a.InTime), "in " + counted(int64(a.Partitions), "partition")},
		{"of the services", grouped(a.OfServices), ""},
		{"with the levels", grouped(a.OfLevels), ""},
		{"to be read", grouped(a.Candidates), a.filters()},
		{"records in them", grouped(a.Records), amount(float64(a.Bytes))},
		{"columns", strconv.Itoa(len(a.Columns)), strings.Join(a.Columns, " ")},
	}
	err := l.grid(rows, 0, func(_, column int) string { return []string{"", bold, faint}[column] })
	if err == nil && a.Counted {
		err = l.note("a histogram of it reads nothing: counts are stored")
	}
	if err == nil && a.Candidates > manyBlocks {
		err = l.note("that is much; name a service, a level, a trace or a shorter time, or a longer word")
	}
	return err
}

// manyBlocks take about a second to look through.
const manyBlocks = 2000

func (a plan) filters() string {
	if a.Asked == 0 {
		return "no filter can tell: small blocks have none, and it takes a word of three characters, a trace or a field=value"
	}
	return "filters of " + counted(a.Asked, "block") + " were asked; they deny the rest"
}
