package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const logsPath = "/api/maintenance/v1/logs"

type logsCommand struct {
	meshFlags
	output
	Query  []string      `arg:"" optional:"" help:"What to look for; all of it must hold." placeholder:"QUERY"`
	Follow bool          `short:"f" help:"Go on with what comes in."`
	Since  time.Duration `default:"1h" help:"How far back to look."`
	Limit  int           `short:"n" default:"100" help:"The newest so many records, 1 to 1000."`
}

func (logsCommand) Help() string {
	return `The query language is the API's and the studio's:
  service:catalogs  instance:…  logger:catalogs.store  level>=warn  trace:4bf9…  user_id=42  "connection refused"  -service:gateway

Lines missing from the store are shown as gaps. With --json each record is one line.

Examples:
  signalbox logs 'level>=warn'
  signalbox logs -f service:catalogs
  signalbox logs --since 24h -n 20 service:postgresql 'level>=error' --json`
}

// record is one line of the store.
type record struct {
	TS       time.Time       `json:"ts"`
	Level    string          `json:"level"`
	Service  string          `json:"service"`
	Instance string          `json:"instance"`
	Logger   string          `json:"logger"`
	Msg      string          `json:"msg"`
	Attrs    json.RawMessage `json:"attrs,omitempty"`
	TraceID  string          `json:"trace_id,omitempty"`
}

type gap struct {
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Class    string     `json:"class"`
	FromSeq  uint64     `json:"from_seq"`
	ToSeq    uint64     `json:"to_seq"` // 0: not known
	FromTS   *time.Time `json:"from_ts"`
	ToTS     *time.Time `json:"to_ts"`
	Cause    string     `json:"cause"`
}

func (g gap) String() string {
	count := "an unknown number of"
	if g.ToSeq >= g.FromSeq && g.ToSeq > 0 {
		count = strconv.FormatUint(g.ToSeq-g.FromSeq+1, 10)
	}
	return fmt.Sprintf("gap: %s %s, class %s: %s lines are missing between %s and %s (%s)", g.Service, g.Instance, g.Class, count, moment(g.FromTS), moment(g.ToTS), g.Cause)
}

// Run prints the newest records, oldest first, and with -f what follows.
func (c *logsCommand) Run(ctx context.Context, p Process) error {
	if c.Limit < 1 || c.Limit > 1000 {
		return misuse("--limit %d: want 1 to 1000", c.Limit)
	}
	if c.Follow {
		return c.follow(ctx, p)
	}
	return c.search(ctx, p)
}

func (c *logsCommand) search(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{
		"q": {strings.Join(c.Query, " ")}, "limit": {strconv.Itoa(c.Limit)},
		"since": {time.Now().Add(-c.Since).UTC().Format(time.RFC3339Nano)},
	}
	var page struct {
		Records []json.RawMessage `json:"records"`
		Gaps    []gap             `json:"gaps"`
	}
	if err := api.Do(ctx, http.MethodGet, logsPath, query, nil, &page); err != nil {
		return err
	}
	slices.Reverse(page.Records)
	for _, raw := range page.Records {
		if err := c.print(p.Stdout, raw); err != nil {
			return err
		}
	}
	for _, g := range page.Gaps {
		fmt.Fprintln(p.Stderr, g) //nolint:errcheck // people may look away
	}
	return nil
}

// follow tails, and opens the tail again, where it ended, when the mesh ends it, until ctx ends.
func (c *logsCommand) follow(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{"q": {strings.Join(c.Query, " ")}, "backlog": {strconv.Itoa(min(c.Limit, 10))}}
	for ctx.Err() == nil {
		stream, err := api.Stream(ctx, logsPath+"/tail", query)
		if err != nil {
			return orNil(ctx, err)
		}
		after, err := c.events(stream, p.Stdout)
		err = errors.Join(err, stream.Close())
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("follow: %w", err)
		}
		query.Set("backlog", "0")
		query.Set("after", after)
	}
	return nil
}

// orNil: what the user ended is no error.
func orNil(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// events prints the records of one server-sent event stream, until it ends, and says where to go on; "" if the stream
// did not.
func (c *logsCommand) events(stream io.Reader, out io.Writer) (after string, err error) {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 8<<20)
	event := ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		switch {
		case !ok:
		case event == "end":
			var end struct{ After string }
			if json.Unmarshal([]byte(data), &end) == nil {
				after = end.After
			}
		default:
			if err := c.print(out, json.RawMessage(data)); err != nil {
				return after, err
			}
		}
	}
	return after, lines.Err()
}

func (c *logsCommand) print(out io.Writer, raw json.RawMessage) error {
	if c.JSON {
		_, err := fmt.Fprintf(out, "%s\n", raw)
		return err
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("read a record: %w", err)
	}
	_, err := fmt.Fprintf(out, "%s %-5s %-12s %s%s\n", r.TS.Local().Format("15:04:05.000"), r.Level, r.Service, printable(r.Msg), attrsText(r.Attrs))
	return err
}

// attrsText is " key=value …", in the record's order of names.
func attrsText(raw json.RawMessage) string {
	var attrs map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &attrs) != nil {
		return ""
	}
	var names []string
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, " %s=%s", name, printable(string(attrs[name])))
	}
	return b.String()
}

// printable keeps what a log line holds from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || (r >= 0x80 && r <= 0x9f) {
			return '·'
		}
		return r
	}, text)
}
