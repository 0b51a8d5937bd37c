package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const topologyPath = "/api/maintenance/v1/topology"

type topologyCommand struct {
	meshFlags
	output
	Wide bool `help:"Show everything, however wide it is."`
}

func (topologyCommand) Help() string {
	return `The nodes of the mesh with their health, and what passed between them over the last one to two minutes: services, their servers
(PostgreSQL, RabbitMQ, Redis), browsers and other callers from outside.

Examples:
  signalbox topology
  signalbox topology --json | jq -r '.edges[] | select(.errors > 0.01) | "\(.source) → \(.destination)"'`
}

// topologyAnswer is what maintenance says of the mesh.
type topologyAnswer struct {
	At      time.Time    `json:"at"`
	Partial string       `json:"partial,omitempty"`
	Nodes   []meshedNode `json:"nodes"`
	Edges   []meshedEdge `json:"edges"`
}

type meshedNode struct {
	Name     string     `json:"name"`
	Kind     string     `json:"kind"`
	Health   string     `json:"health"`
	Versions []string   `json:"versions"`
	Live     int        `json:"live"`
	Lost     int        `json:"lost"`
	Since    *time.Time `json:"since,omitempty"`
	Failing  []evidence `json:"failing"`
}

type meshedEdge struct {
	Source      string  `json:"source"`
	Destination string  `json:"destination"`
	Protocol    string  `json:"protocol"`
	Rate        float64 `json:"rate"`
	Errors      float64 `json:"errors"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Open        int     `json:"open"`
}

// Run prints nodes and edges.
func (c *topologyCommand) Run(ctx context.Context, p Process) error {
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	var a topologyAnswer
	if err := api.Do(ctx, http.MethodGet, topologyPath, url.Values{}, nil, &a); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.Stdout, a)
	}
	if a.Partial != "" {
		if _, err := fmt.Fprintf(p.Stdout, "(%s)\n", printable(a.Partial)); err != nil {
			return err
		}
	}
	return c.print(p, a)
}

func (c *topologyCommand) print(p Process, a topologyAnswer) error {
	t := newTable(p.Stdout, "NODE", "KIND", "HEALTH", "SINCE", "INSTANCES", "VERSION").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, n := range a.Nodes {
		t.row(n.Name, n.Kind, n.Health, moment(n.Since), n.count(), orDash(strings.Join(n.Versions, ", ")))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Stdout); err != nil {
		return err
	}
	t = newTable(p.Stdout, "FROM", "TO", "BY", "PER SECOND", "ERRORS", "P50", "P99", "BREAKER").fit(screenOf(p.Stdout, p.Environ), c.Wide)
	for _, e := range a.Edges {
		t.row(e.Source, e.Destination, e.Protocol, callRate(e.Rate), failing(e.Errors), latency(e.P50), latency(e.P99), e.breaker())
	}
	return t.flush()
}

func (n meshedNode) count() string {
	switch {
	case n.Kind != "service":
		return "-"
	case n.Lost > 0:
		return fmt.Sprintf("%d, %d lost", n.Live, n.Lost)
	default:
		return strconv.Itoa(n.Live)
	}
}

func (e meshedEdge) breaker() string {
	if e.Open == 0 {
		return "-"
	}
	return "open on " + strconv.Itoa(e.Open)
}

func (e meshedEdge) trouble() string {
	text := failing(e.Errors) + " of the calls fail"
	if e.Open > 0 {
		text += ", the breaker is " + e.breaker()
	}
	return text
}

func callRate(perSecond float64) string {
	if perSecond >= 100 || perSecond == 0 {
		return strconv.FormatFloat(perSecond, 'f', 0, 64)
	}
	return strconv.FormatFloat(perSecond, 'f', 2, 64)
}

func failing(of float64) string {
	if of == 0 {
		return "-"
	}
	return strconv.FormatFloat(100*of, 'g', 3, 64) + " %"
}

// latency is a time in milliseconds; 0: nothing passed.
func latency(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
}
