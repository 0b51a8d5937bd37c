package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

const tracesPath = "/api/maintenance/v1/traces/"

type traceCommand struct {
	meshFlags
	output
	ID     string `arg:"" help:"The trace's id, as log records, problem documents and exemplars show it; or the id of a log record, whose trace is meant."`
	Level  string `help:"Of its log records those of this level and above." placeholder:"LEVEL"`
	NoLogs bool   `help:"Show its spans alone."`
	UTC    bool   `help:"Show times in UTC, not in local time."`
	Wide   bool   `help:"Do not shorten lines to the terminal."`
}

func (traceCommand) Help() string {
	return `Prints the tree of a trace's spans, how long each took and when, and between them its log records in the order of time.
A span that failed has a ✗; what is missing is said at the end, and why. Without a trace store it is the log records, by service.
docs/reading-traces.md says more.

Examples:
  signalbox trace 4bf92f3577b34da6a3ce929d0e0e4736
  signalbox trace 4bf92f3577b34da6a3ce929d0e0e4736 --level warn
  signalbox trace 4bf92f3577b34da6a3ce929d0e0e4736 --no-logs
  signalbox trace 3wqk2bm1xo_1k3f                          the trace of that log record
  signalbox trace 4bf92f3577b34da6a3ce929d0e0e4736 --json`
}

// traceAnswer is a trace as the API tells it.
type traceAnswer struct {
	TraceID    string         `json:"trace_id"`
	Start      time.Time      `json:"start"`
	DurationUS int64          `json:"duration_us"`
	Spans      []traceSpan    `json:"spans"`
	Records    []traceRecord  `json:"records"`
	Gaps       []gap          `json:"gaps"`
	Missing    []traceMissing `json:"missing"`
	Links      *recordLinks   `json:"links"`
}

type traceSpan struct {
	Key        string            `json:"key"`
	Under      string            `json:"under"`
	Depth      int               `json:"depth"`
	Service    string            `json:"service"`
	Name       string            `json:"name"`
	Kind       string            `json:"kind"`
	Start      time.Time         `json:"start"`
	DurationUS int64             `json:"duration_us"`
	Error      bool              `json:"error"`
	Attributes map[string]string `json:"attributes"`
	Orphan     bool              `json:"orphan"`
	Strays     bool              `json:"strays"`
	Hidden     bool              `json:"hidden"`
	EarlierUS  int64             `json:"earlier_us"`
}

type traceRecord struct {
	record
	Span string `json:"span"`
}

type traceMissing struct {
	Part   string `json:"part"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Run prints the trace.
func (c *traceCommand) Run(ctx context.Context, p Process) error {
	if c.NoLogs && c.Level != "" {
		return misuse("--level chooses among log records, and --no-logs shows none")
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	id, err := c.id(ctx, api)
	if err != nil {
		return err
	}
	in := url.Values{"limit": {"1000"}}
	if c.NoLogs {
		in.Set("records", "false")
	}
	if c.Level != "" {
		in.Set("q", "level>="+c.Level)
	}
	var raw json.RawMessage
	if err := api.Do(ctx, http.MethodGet, tracesPath+url.PathEscape(id), in, nil, &raw); err != nil {
		return showPlace(err)
	}
	if c.JSON {
		return printJSON(p.Stdout, raw)
	}
	var t traceAnswer
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("read the trace: %w", err)
	}
	l, err := newLines(p, shape{UTC: c.UTC, Columns: "time,level,service,msg,attrs"}, p.now())
	if err != nil {
		return err
	}
	return newTraceView(l, &t, c.Wide).print()
}

// id of the trace; that of a log record, which has a _ in it, is looked up.
func (c *traceCommand) id(ctx context.Context, api *client.Client) (string, error) {
	if !strings.Contains(c.ID, "_") {
		return c.ID, nil
	}
	var page struct{ Records []record }
	if err := api.Do(ctx, http.MethodGet, logsPath+"/context", url.Values{"id": {c.ID}, "before": {"0"}, "after": {"0"}}, nil, &page); err != nil {
		return "", err
	}
	for _, r := range page.Records {
		if r.ID == c.ID && r.TraceID != "" {
			return r.TraceID, nil
		}
	}
	return "", fmt.Errorf("log record %s is of no trace", c.ID)
}
