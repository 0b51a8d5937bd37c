package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/maintenance"
)

const logsPath = "/api/maintenance/v1/logs"

type logsCommand struct {
	Search    logsSearch    `cmd:"" default:"withargs" help:"Search, or follow with -f: what 'signalbox logs' does without one of the words below."`
	Context   logsContext   `cmd:"" help:"Show what stands around one record."`
	Histogram logsHistogram `cmd:"" help:"Draw how many records there were, by time and level."`
	Patterns  logsPatterns  `cmd:"" help:"Group the records by their message template: what is said how often, and what is new."`
	Values    logsValues    `cmd:"" help:"Count the values of a field."`
	Top       logsTop       `cmd:"" help:"Name the services and templates that cost most."`
	Gaps      logsGaps      `cmd:"" help:"List what is missing from the log, since when and why."`
	Export    logsExport    `cmd:"" help:"Write every matching record to a file, as NDJSON or CSV."`
}

func (logsCommand) Help() string {
	return `Without one of these words it searches: 'signalbox logs search --help' lists the flags. The language (docs/query.md):
` + maintenance.Language + `
What is missing is shown where it is missing, as a line of its own:
  --- gap: 12 records of catalogs-1 (info) missing, 13:02:11–13:02:14: missing ---

Examples:
  signalbox logs 'level>=warn'                             the newest of the last hour
  signalbox logs -f service:catalogs                       live; a broken connection goes on where it was
  signalbox logs --since 13:02 --until 13:10 timeout       a time of today
  signalbox logs histogram --since 24h 'level>=warn'
  signalbox logs patterns --new-since 2h 'level>=error'    what is said now that nobody said before
  signalbox logs search export                             a word that is a command's name`
}

// question is what is looked for, and when.
type question struct {
	Query []string `arg:"" optional:"" help:"What to look for; all of it must hold." placeholder:"QUERY"`
	Since string   `default:"1h" help:"From when on: how long ago (15m, 2h, 7d), a time of today (13:02), a local time (2026-11-21T13:02), or RFC 3339." placeholder:"TIME"`
	Until string   `help:"Until when, in the same forms; nothing: now." placeholder:"TIME"`
}

func (q question) text() string { return strings.Join(q.Query, " ") }

// values are the question as the API takes it.
func (q question) values(now time.Time) (url.Values, error) {
	v := url.Values{"q": {q.text()}}
	for name, text := range map[string]string{"since": q.Since, "until": q.Until} {
		if text == "" {
			continue
		}
		t, err := instant(text, now)
		if err != nil {
			return nil, misuse("--%s %w", name, err)
		}
		v.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
	if u := v.Get("until"); u != "" && u <= v.Get("since") {
		return nil, misuse("--until %s is not behind --since %s", q.Until, q.Since)
	}
	return v, nil
}

// ask gets one answer of the log; a query that cannot be read is shown with the place.
func (q question) ask(ctx context.Context, api *client.Client, path string, in url.Values, out any) error {
	return showPlace(api.Do(ctx, http.MethodGet, logsPath+path, in, nil, out))
}
