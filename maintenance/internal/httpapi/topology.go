package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// Topology is the mesh as it is known now. With an error what it answers is what this replica alone knows.
type Topology interface {
	Mesh(ctx context.Context) ([]topology.Instance, error)
}

// Node of the topology.
type Node struct {
	Name     string      `json:"name" doc:"a service, postgresql, rabbitmq, redis, browser, outside, or a host"`
	Kind     string      `json:"kind" enum:"service,dependency,caller"`
	Health   string      `json:"health" enum:"up,degraded,down,unknown"`
	Versions []string    `json:"versions" doc:"of the live instances"`
	Live     int         `json:"live" doc:"instances of a service"`
	Lost     int         `json:"lost" doc:"not heard for three heartbeats; ten minutes later no more, where others of the service serve"`
	Since    *time.Time  `json:"since,omitempty" doc:"since when it is not well"`
	Checks   []NodeCheck `json:"failing" doc:"checks that fail: its own, or those that ask after it"`
}

// NodeCheck is evidence against a node.
type NodeCheck struct {
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Check    string    `json:"check"`
	Error    string    `json:"error"`
	Since    time.Time `json:"since"`
}

// Edge of the topology.
type Edge struct {
	Source      string  `json:"source"`
	Destination string  `json:"destination"`
	Protocol    string  `json:"protocol" doc:"http, grpc, postgresql, amqp, redis"`
	Rate        float64 `json:"rate" doc:"calls per second"`
	Errors      float64 `json:"errors" doc:"share of the calls that failed, 0 to 1"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Open        int     `json:"open" doc:"instances whose circuit breaker lets nothing through"`
}

type topologyOut struct {
	Body struct {
		At      time.Time `json:"at"`
		Partial string    `json:"partial,omitempty" doc:"why this is only what one replica of view-service knows"`
		Nodes   []Node    `json:"nodes"`
		Edges   []Edge    `json:"edges" doc:"over the last one to two minutes"`
	}
}

func (h *Handlers) showTopology(ctx context.Context, _ *struct{}) (*topologyOut, error) {
	all, err := h.settings.Topology.Mesh(ctx)
	s, out := scope(ctx), &topologyOut{}
	out.Body.At, out.Body.Partial = time.Now().UTC(), partial(err)
	out.Body.Nodes, out.Body.Edges = []Node{}, []Edge{}
	g := topology.Draw(all)
	near := map[string]bool{} // what the caller may see, and what talks with it
	for _, l := range g.Links {
		if sees(s, l.Source) || sees(s, l.Destination) {
			near[l.Source], near[l.Destination] = true, true
			out.Body.Edges = append(out.Body.Edges, showEdge(l))
		}
	}
	for _, n := range g.Nodes {
		if sees(s, n.Name) || near[n.Name] {
			out.Body.Nodes = append(out.Body.Nodes, showNode(n, s))
		}
	}
	return out, nil
}

func partial(err error) string {
	if err == nil {
		return ""
	}
	return "the store cannot be reached: this is what one replica of view-service has heard itself, and what was stored before"
}

func sees(s logs.Scope, service string) bool { return s.All || slices.Contains(s.Services, service) }

func showEdge(l topology.Link) Edge {
	return Edge{Source: l.Source, Destination: l.Destination, Protocol: l.Protocol, Rate: l.Rate, Errors: l.Errors,
		P50: milliseconds(l.P50), P99: milliseconds(l.P99), Open: l.Open}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// showNode leaves out what instances beyond the scope have said.
func showNode(n topology.Node, s logs.Scope) Node {
	out := Node{Name: n.Name, Kind: string(n.Kind), Health: string(n.Health), Versions: n.Versions, Live: n.Count[topology.Live], Lost: n.Count[topology.Lost],
		Since: began(n.Since), Checks: showChecks(n.Failing, s)}
	if out.Versions == nil {
		out.Versions = []string{}
	}
	return out
}

func began(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func showChecks(all []topology.FailingCheck, s logs.Scope) []NodeCheck {
	out := []NodeCheck{}
	for _, c := range all {
		if sees(s, c.Service) {
			out = append(out, NodeCheck{Service: c.Service, Instance: c.Instance, Check: c.Name, Error: c.Error, Since: c.Since.UTC()})
		}
	}
	return out
}

// Cause of what fails.
type Cause struct {
	Node      string      `json:"node"`
	Kind      string      `json:"kind" enum:"service,dependency,caller"`
	Health    string      `json:"health" enum:"up,degraded,down,unknown"`
	Summary   string      `json:"summary" doc:"in a sentence"`
	Instances []string    `json:"instances" doc:"where only some of the service's fail: which"`
	Since     *time.Time  `json:"since,omitempty"`
	Affected  []string    `json:"affected" doc:"blast radius: the nodes that fail because of it, nearest first"`
	Evidence  []NodeCheck `json:"evidence" doc:"checks that fail and are not explained by another node"`
	Silent    []Silent    `json:"silent" doc:"instances that are not heard any more"`
	Edges     []Edge      `json:"edges" doc:"to it, over which calls fail"`
}

// Silent instance.
type Silent struct {
	Instance string    `json:"instance"`
	Since    time.Time `json:"since"`
}

type causesOut struct {
	Body struct {
		At      time.Time `json:"at"`
		Partial string    `json:"partial,omitempty" doc:"why this is only what one replica of view-service knows"`
		Causes  []Cause   `json:"causes" doc:"none: all is well; the widest first"`
	}
}

func (h *Handlers) listCauses(ctx context.Context, _ *struct{}) (*causesOut, error) {
	all, err := h.settings.Topology.Mesh(ctx)
	s, out := scope(ctx), &causesOut{}
	out.Body.At, out.Body.Partial, out.Body.Causes = time.Now().UTC(), partial(err), []Cause{}
	for _, c := range topology.Causes(all) {
		if sees(s, c.Node) || slices.ContainsFunc(c.Affected, func(n string) bool { return sees(s, n) }) {
			out.Body.Causes = append(out.Body.Causes, showCause(c, s))
		}
	}
	return out, nil
}

func showCause(c topology.Cause, s logs.Scope) Cause {
	out := Cause{Node: c.Node, Kind: string(c.Kind), Health: string(c.Health), Instances: []string{}, Since: began(c.Since), Affected: []string{},
		Evidence: showChecks(c.Evidence, s), Silent: []Silent{}, Edges: []Edge{}}
	for _, n := range c.Affected {
		if sees(s, n) {
			out.Affected = append(out.Affected, n)
		}
	}
	if sees(s, c.Node) {
		out.Instances = append(out.Instances, c.Instances...)
		for _, one := range c.Silent {
			out.Silent = append(out.Silent, Silent{one.Instance, one.Since.UTC()})
		}
	}
	for _, l := range c.Open {
		if sees(s, l.Source) || sees(s, l.Destination) {
			out.Edges = append(out.Edges, showEdge(l))
		}
	}
	out.Summary = sentence(out)
	return out
}

// sentence is what a person says of it.
func sentence(c Cause) string {
	text := c.Node
	switch {
	case len(c.Instances) == 1:
		text = c.Instances[0]
	case len(c.Instances) > 1:
		text = fmt.Sprintf("%d instances of %s", len(c.Instances), c.Node)
	}
	switch {
	case len(c.Silent) > 0 && len(c.Evidence) == 0:
		text += " not heard any more"
	case len(c.Instances) > 0:
		text += " not well"
	default:
		text += " is " + c.Health
	}
	if c.Since != nil {
		text += " since " + c.Since.Format(time.RFC3339)
	}
	switch len(c.Affected) {
	case 0:
	case 1:
		text += "; " + c.Affected[0] + " fails because of it"
	default:
		text += fmt.Sprintf("; %d others fail because of it", len(c.Affected))
	}
	return text
}
