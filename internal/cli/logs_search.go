package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

type logsSearch struct {
	meshFlags
	question
	shape
	Follow  bool   `short:"f" help:"Go on with what comes in, after the last ten (or --limit) since --since."`
	Around  string `help:"What stands around a record (its id) or a time, half of --limit on each side." placeholder:"ID|TIME"`
	Limit   *int   `short:"n" help:"The newest so many records, 1 to 100000 (--around: 1000); nothing: 100. With -f those of before, 1 to 1000; nothing: 10." placeholder:"N"`
	Asc     bool   `help:"Begin at --since and take the oldest so many, not the newest."`
	Explain bool   `help:"Tell what would be looked through, and look at nothing."`
}

func (logsSearch) Help() string {
	return `Records are printed oldest first, the newest at the bottom. With --json each is one line, and a gap is {"gap":{…}}.
--columns +id shows the id that --around and 'signalbox logs context' take.

Examples:
  signalbox logs 'level>=warn'
  signalbox logs -f service:catalogs -logger:catalogs.http
  signalbox logs --since 24h -n 20 service:postgresql 'level>=error' --json
  signalbox logs --since 2026-11-21T13:00 --until 2026-11-21T13:10 '"connection refused"'
  signalbox logs --columns time,level,service,user_id,msg 'user_id=*'
  signalbox logs --around 13:02:11 -n 40
  signalbox logs --explain --since 7d 'refused'`
}

// limits of one answer, and of one call.
const (
	pageLimit  = 1000
	mostLines  = 100_000
	usualLines = 100
	backlog    = 10 // records before a tail
	searching  = 30 * time.Second
)

// limit is the one asked for, or the usual one.
func (c *logsSearch) limit() int {
	switch {
	case c.Limit != nil:
		return *c.Limit
	case c.Follow:
		return backlog
	default:
		return usualLines
	}
}

func (c *logsSearch) most() int {
	if c.Follow || c.Around != "" {
		return pageLimit
	}
	return mostLines
}

// Run prints what is found, oldest first, and with -f what follows.
func (c *logsSearch) Run(ctx context.Context, p Process) error {
	if most := c.most(); c.limit() < 1 || c.limit() > most {
		return misuse("--limit %d: want 1 to %d", c.limit(), most)
	}
	if c.Follow && (c.Until != "" || c.Around != "" || c.Asc || c.Explain) {
		return misuse("-f goes on with what comes in; --until, --around, --asc and --explain do not go with it")
	}
	now := p.now()
	l, err := newLines(p, c.shape, now)
	if err != nil {
		return err
	}
	query, err := c.values(now)
	if err != nil {
		return err
	}
	if c.Follow {
		return c.follow(ctx, p, l, query)
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	switch {
	case c.Explain:
		return c.explain(ctx, p, api, query)
	case c.Around != "":
		return c.around(ctx, api, l, query, now)
	}
	return c.search(ctx, p, api, l, query)
}

// logPage is one answer.
type logPage struct {
	Records []json.RawMessage `json:"records"`
	Gaps    []gap             `json:"gaps"`
	Next    string            `json:"next"`
	Partial bool              `json:"partial"`
	Since   time.Time         `json:"since"`
	Until   time.Time         `json:"until"`
}

// search goes from page to page until there are enough records, or none are left. What has been found is printed
// however the search ends.
func (c *logsSearch) search(ctx context.Context, p Process, api *client.Client, l *lines, query url.Values) error {
	found, err := c.pages(ctx, api, query)
	if !c.Asc {
		slices.Reverse(found.Records)
	}
	if shown := l.all(found.Records, found.Gaps); shown != nil {
		return shown
	}
	if err != nil {
		return err
	}
	c.say(p, l, found)
	return nil
}

func (c *logsSearch) pages(ctx context.Context, api *client.Client, query url.Values) (found logPage, err error) {
	query.Set("order", map[bool]string{true: "asc", false: "desc"}[c.Asc])
	for began := time.Now(); ; {
		query.Set("limit", strconv.Itoa(min(c.limit()-len(found.Records), pageLimit)))
		var page logPage
		if err := c.ask(ctx, api, "", query, &page); err != nil {
			return found, err
		}
		found.Records, found.Gaps = append(found.Records, page.Records...), append(found.Gaps, page.Gaps...)
		found.Next, found.Partial = page.Next, page.Partial
		if page.Next == "" || len(found.Records) >= c.limit() || time.Since(began) > searching {
			return found, nil
		}
		query.Set("cursor", page.Next)
	}
}

// say tells what the lines alone do not: that there is nothing, that there is more, or that time was up.
func (c *logsSearch) say(p Process, l *lines, found logPage) {
	n := len(found.Records)
	switch {
	case n == 0 && found.Next == "":
		fmt.Fprintln(p.Stderr, c.nothing(p.now())) //nolint:errcheck // people may look away
	case n < c.limit() && found.Next != "":
		fmt.Fprintf(p.Stderr, "the search ended after %v before it was through: name a service or a shorter time\n", searching) //nolint:errcheck // as above
	case found.Next != "" && l.screen.terminal:
		fmt.Fprintf(p.Stderr, "%s records shown, there are more: -n takes more of them\n", grouped(int64(n))) //nolint:errcheck // as above
	}
}

// nothing says that no record matches, and what may find one: a longer time, or the command that was meant.
func (c *logsSearch) nothing(now time.Time) string {
	text := "no record matches " + sinceThen(c.Since)
	if c.Until != "" {
		text = "no record matches between --since " + c.Since + " and --until " + c.Until
	}
	for _, name := range []string{"context", "histogram", "patterns", "values", "top", "gaps", "export"} {
		if len(c.Query) == 1 && len(c.Query[0]) > 2 && strings.HasPrefix(name, c.Query[0]) {
			return text + "; was 'signalbox logs " + name + "' meant?"
		}
	}
	if since, err := instant(c.Since, now); err == nil && now.Sub(since) < 24*time.Hour {
		text += "; --since 24h looks farther back"
	}
	return text
}

// around prints what stands around a record or a time.
func (c *logsSearch) around(ctx context.Context, api *client.Client, l *lines, query url.Values, now time.Time) error {
	place := c.Around
	if t, err := instant(place, now); err == nil {
		place = t.UTC().Format(time.RFC3339Nano)
	} else {
		l.marked = place
	}
	query.Del("since") // the place says when
	query.Del("until")
	query.Set("around", place)
	query.Set("limit", strconv.Itoa(c.limit()))
	var page logPage
	if err := c.ask(ctx, api, "", query, &page); err != nil {
		return err
	}
	slices.Reverse(page.Records)
	return l.all(page.Records, page.Gaps)
}
