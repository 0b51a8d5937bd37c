package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

type logsPatterns struct {
	meshFlags
	question
	output
	Limit    int    `short:"n" default:"30" help:"The most frequent so many, 1 to 1000."`
	NewSince string `help:"Mark what was not said before: a time in the forms of --since, or a version of the service." placeholder:"TIME|VERSION"`
	New      bool   `help:"Show only what is new; with --new-since."`
	UTC      bool   `help:"Show times in UTC, not in local time."`
}

func (logsPatterns) Help() string {
	return `A pattern is a message with its numbers, ids and names left out.

Examples:
  signalbox logs patterns 'level>=warn'
  signalbox logs patterns --since 6h --new-since 30m 'level>=error'
  signalbox logs patterns --since 24h --new-since v1.8.0 --new service:catalogs`
}

// mostPatterns of one answer.
const mostPatterns = 1000

// patterns is what the API groups.
type patterns struct {
	Patterns []pattern `json:"patterns"`
	Records  int64     `json:"records"`
	Others   int64     `json:"others"` // in patterns that are not listed
	Partial  bool      `json:"partial,omitempty"`
	Gaps     []gap     `json:"gaps"`
}

type pattern struct {
	Template string           `json:"template"`
	Count    int64            `json:"count"`
	Share    float64          `json:"share"`
	Levels   map[string]int64 `json:"levels"`
	Services []string         `json:"services"`
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	New      bool             `json:"new"`
	Example  struct {
		ID       string `json:"id"`
		Service  string `json:"service"`
		Instance string `json:"instance"`
		Msg      string `json:"msg"`
	} `json:"example"`
}

// worst level that the pattern occurs with.
func (p pattern) worst() (level string) {
	for l := range p.Levels {
		if level == "" || severity(l) > severity(level) {
			level = l
		}
	}
	return level
}

// from is the service, or how many there are.
func (p pattern) from() string {
	if len(p.Services) == 1 {
		return printable(p.Services[0])
	}
	return strconv.Itoa(len(p.Services)) + " services"
}

// Run lists them, the most frequent first.
func (c *logsPatterns) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 || c.Limit > mostPatterns {
		return misuse("--limit %d: want 1 to %d", c.Limit, mostPatterns)
	}
	if c.New && c.NewSince == "" {
		return misuse("--new says nothing without --new-since")
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	answer, err := c.get(ctx, api, p.now())
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, answer)
	}
	return answer.print(newPlain(p, c.UTC), c)
}

func (c *logsPatterns) get(ctx context.Context, api *client.Client, now time.Time) (answer patterns, err error) {
	query, err := c.values(now)
	if err != nil {
		return answer, err
	}
	query.Set("limit", strconv.Itoa(c.Limit))
	if c.New {
		query.Set("limit", strconv.Itoa(mostPatterns)) // what is new is rare
	}
	if c.NewSince != "" {
		since := c.NewSince
		if t, err := instant(since, now); err == nil {
			since = t.UTC().Format(time.RFC3339Nano)
		}
		query.Set("new_since", since)
	}
	if err := c.ask(ctx, api, "/patterns", query, &answer); err != nil || !c.New {
		return answer, err
	}
	fresh := []pattern{}
	for _, one := range answer.Patterns {
		if one.New {
			fresh = append(fresh, one)
		}
	}
	answer.Patterns = fresh[:min(len(fresh), c.Limit)]
	return answer, nil
}

// print writes a table whose last column is cut to the terminal; a file gets it whole.
func (a patterns) print(l *lines, c *logsPatterns) error {
	marks := c.NewSince != ""
	rows := [][]string{{"COUNT", "SHARE", "LEVEL", "SERVICE", "FIRST", "LAST", "PATTERN"}}
	for _, one := range a.Patterns {
		text := printable(one.Template)
		if marks && one.New {
			text = "NEW " + text
		}
		rows = append(rows, []string{grouped(one.Count), percent(one.Share), one.worst(), one.from(), l.clock(one.First), l.clock(one.Last), text})
	}
	err := l.grid(rows, 2, func(row, column int) string {
		switch {
		case row == 0:
			return faint
		case column == 2:
			return ofLevel(rows[row][2])
		case column == 6 && marks && a.Patterns[row-1].New:
			return bold
		}
		return ""
	})
	for _, text := range a.notes(c) {
		if err == nil {
			err = l.note(text)
		}
	}
	if err == nil {
		err = l.foot(a.Partial)
	}
	if err == nil {
		err = l.all(nil, a.Gaps)
	}
	return err
}

// notes say what the table alone does not: that nothing in it is new, and what is not in it.
func (a patterns) notes(c *logsPatterns) (all []string) {
	if c.NewSince != "" && !slices.ContainsFunc(a.Patterns, func(one pattern) bool { return one.New }) {
		all = append(all, map[bool]string{true: "nothing", false: "none of these"}[c.New]+" is new since "+printable(c.NewSince))
	}
	switch {
	case a.Others > 0 && c.New:
		all = append(all, "not looked at: "+grouped(a.Others)+" of "+counted(a.Records, "record")+", in patterns rarer than the first "+grouped(mostPatterns)+"; ask for a shorter time, or a service")
	case a.Others > 0:
		all = append(all, grouped(a.Others)+" of "+counted(a.Records, "record")+" are in patterns that are not listed; -n lists more")
	}
	return all
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + "%" }

// foot says when an answer is not the whole truth.
func (l *lines) foot(partial bool) error {
	if !partial {
		return nil
	}
	return l.note("--- time was up before everything was counted: take a shorter time, or name a service ---")
}

// grid prints rows in columns, the first so many of them numbers; the widest of the others are shortened to a
// terminal's width, unless all of it is wanted. Not a table: that has no paint.
func (l *lines) grid(rows [][]string, numbers int, colour func(row, column int) string) error {
	widths := widthsOf(rows)
	if l.screen.terminal && !l.wide {
		narrow(widths, numbers, l.screen.cells-2*(len(widths)-1))
	}
	for r, row := range rows {
		var b strings.Builder
		for i, text := range row {
			last := i == len(row)-1
			text = cut(text, widths[i])
			switch {
			case last:
			case i < numbers:
				text = strings.Repeat(" ", widths[i]-cells(text)) + text
			default:
				text = pad(text, widths[i])
			}
			b.WriteString(l.screen.paint(colour(r, i), text))
			if !last {
				b.WriteString("  ")
			}
		}
		if _, err := fmt.Fprintln(l.out, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
