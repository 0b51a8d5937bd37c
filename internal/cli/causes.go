package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

const causesPath = "/api/maintenance/v1/causes"

type causesCommand struct {
	meshFlags
	output
}

func (causesCommand) Help() string {
	return `Of all checks that fail and all calls that go wrong, names the nodes that explain the others, the widest first, with the evidence
and what each drags down: PostgreSQL away is one cause with every service behind it. View-service answers while its store is away, too.
Ends with 1 when something fails.

Examples:
  signalbox causes
  signalbox causes --json | jq -r '.causes[].summary'
  signalbox causes || signalbox logs 'level>=error' --since 5m`
}

// causesAnswer is what maintenance says of what fails.
type causesAnswer struct {
	At      time.Time   `json:"at"`
	Partial string      `json:"partial,omitempty"`
	Causes  []rootCause `json:"causes"`
}

type rootCause struct {
	Node      string           `json:"node"`
	Kind      string           `json:"kind"`
	Health    string           `json:"health"`
	Summary   string           `json:"summary"`
	Instances []string         `json:"instances"`
	Since     *time.Time       `json:"since,omitempty"`
	Affected  []string         `json:"affected"`
	Evidence  []evidence       `json:"evidence"`
	Silent    []silentInstance `json:"silent"`
	Edges     []meshedEdge     `json:"edges"`
}

type evidence struct {
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Check    string    `json:"check"`
	Error    string    `json:"error"`
	Since    time.Time `json:"since"`
}

type silentInstance struct {
	Instance string    `json:"instance"`
	Since    time.Time `json:"since"`
}

func causesOf(ctx context.Context, api *client.Client) (a causesAnswer, err error) {
	err = api.Do(ctx, http.MethodGet, causesPath, url.Values{}, nil, &a)
	return a, err
}

// Run prints the causes, and fails when there is one.
func (c *causesCommand) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	a, err := causesOf(ctx, api)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(p.Stdout, a)
	} else {
		err = c.print(p, a)
	}
	switch {
	case err != nil || len(a.Causes) == 0:
		return err
	case len(a.Causes) == 1:
		return errors.New("something fails, and one node explains it")
	default:
		return fmt.Errorf("something fails, and %d nodes explain it", len(a.Causes))
	}
}

// shownEvidence is how much of it fits a glance; --json has all.
const shownEvidence = 5

func (c *causesCommand) print(p Process, a causesAnswer) error {
	var b strings.Builder
	if a.Partial != "" {
		fmt.Fprintf(&b, "(%s)\n", printable(a.Partial))
	}
	if len(a.Causes) == 0 {
		b.WriteString("all is well\n")
	}
	for _, one := range a.Causes {
		fmt.Fprintf(&b, "✗ %s\n", printable(one.Summary))
		if len(one.Affected) > 0 {
			fmt.Fprintf(&b, "    takes along  %s\n", printable(strings.Join(one.Affected, ", ")))
		}
		for _, e := range one.Evidence[:min(len(one.Evidence), shownEvidence)] {
			fmt.Fprintf(&b, "    %s  %s: %s\n", printable(e.Instance), printable(e.Check), printable(e.Error))
		}
		if more := len(one.Evidence) - shownEvidence; more > 0 {
			fmt.Fprintf(&b, "    and %d checks more\n", more)
		}
		for _, s := range one.Silent {
			fmt.Fprintf(&b, "    %s  not heard since %s\n", printable(s.Instance), moment(&s.Since))
		}
		for _, e := range one.Edges {
			fmt.Fprintf(&b, "    %s → %s  %s\n", printable(e.Source), printable(e.Destination), e.trouble())
		}
	}
	_, err := p.Stdout.Write([]byte(b.String()))
	return err
}
