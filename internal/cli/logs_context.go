package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

type logsContext struct {
	meshFlags
	shape
	ID     string `arg:"" help:"The record's id: 'signalbox logs --columns +id' shows it, and --json."`
	Before int    `short:"B" default:"10" help:"Records before it, 0 to 500."`
	After  int    `short:"A" default:"10" help:"Records behind it, 0 to 500."`
	Of     string `default:"instance" enum:"instance,service,trace" help:"Whose records: the same instance's, the service's, or the trace's in all services."`
}

func (logsContext) Help() string {
	return `Examples:
  signalbox logs context 3wqk2bm1xo_1k3f
  signalbox logs context 3wqk2bm1xo_1k3f --of trace
  signalbox logs context 3wqk2bm1xo_1k3f --of service -B 50 -A 5`
}

// Run prints the record, pointed at, and what stands around it.
func (c *logsContext) Run(ctx context.Context, p Process) error {
	if c.Before < 0 || c.Before > 500 || c.After < 0 || c.After > 500 {
		return misuse("--before and --after: want 0 to 500")
	}
	l, err := newLines(p, c.shape, p.now())
	if err != nil {
		return err
	}
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	query := url.Values{"id": {c.ID}, "before": {strconv.Itoa(c.Before)}, "after": {strconv.Itoa(c.After)}, "of": {c.Of}}
	var page logPage // oldest first
	if err := api.Do(ctx, http.MethodGet, logsPath+"/context", query, nil, &page); err != nil {
		return err
	}
	l.marked = c.ID
	if err := l.all(page.Records, page.Gaps); err != nil {
		return err
	}
	return c.link(l, page.Records)
}

// link says where people look at the record's trace.
func (c *logsContext) link(l *lines, all []json.RawMessage) error {
	for _, raw := range all {
		var r record
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		if r.ID == c.ID && r.Links != nil {
			return l.note("trace: " + printable(r.Links.Trace))
		}
	}
	return nil
}
