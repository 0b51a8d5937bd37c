// Package topology draws the mesh from what its instances say of themselves: which nodes there are and how they are, what
// passes between them, and which failing node explains the others.
package topology

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Instance of a service, as it was heard last.
type Instance struct {
	Service  string
	Instance string
	Version  string
	Epoch    string
	Health   string // its own word: up degraded down draining out_of_service unknown
	State    State
	Checks   []Check
	HeardAt  time.Time
	Now      Snapshot // of its edges, and an earlier one of the same epoch; zero: there is none
	Before   Snapshot
}

// serves says whether calls to it are answered.
func (i Instance) serves() bool {
	return i.State == Live && (i.Health == "up" || i.Health == "degraded")
}

// State of an instance.
type State string

// The states.
const (
	Live    State = "live"
	Lost    State = "lost"
	Stopped State = "stopped"
)

// Check is one of an instance.
type Check struct {
	Name   string    `json:"name,omitempty"`
	Status string    `json:"status,omitempty"`
	Error  string    `json:"error,omitempty"`
	Node   string    `json:"node,omitempty"` // that it asks after; "": the instance itself
	Since  time.Time `json:"since,omitzero"`
	Weight string    `json:"weight,omitempty"` // down, degraded: what it does to the instance when it fails
}

// failing says whether the check counts as evidence: one that has not run yet does not.
func (c Check) failing() bool { return c.Status == "down" || c.Status == "degraded" }

// Snapshot is what an instance has counted until a time.
type Snapshot struct {
	At    time.Time
	Edges []Edge
}

// Edge as an instance counts it, since it started.
type Edge struct {
	Source      string   `json:"s"`
	Destination string   `json:"d"`
	Protocol    string   `json:"p"`
	Calls       []uint64 `json:"c"` // by class of duration, as telemetry.EdgeBounds has them; one more has no bound
	Errors      uint64   `json:"e"`
	Seconds     float64  `json:"t"`
	Open        bool     `json:"o,omitempty"` // the circuit breaker lets nothing through
}

func (e Edge) key() key { return key{e.Source, e.Destination, e.Protocol} }

type key struct{ source, destination, protocol string }

// Graph is the mesh over a window of time.
type Graph struct {
	Nodes []Node
	Links []Link
}

// Kind of a node.
type Kind string

// The kinds.
const (
	Service    Kind = "service"
	Dependency Kind = "dependency" // a server that services use
	Caller     Kind = "caller"     // from outside
)

// Health of a node.
type Health string

// The states of health, best first.
const (
	Up       Health = "up"
	Unknown  Health = "unknown"
	Degraded Health = "degraded"
	Down     Health = "down"
)

// Node of the graph.
type Node struct {
	Name     string
	Kind     Kind
	Health   Health
	Versions []string       // of the live instances
	Count    map[State]int  // instances of a service
	Since    time.Time      // of the health, as far as somebody knows; zero: nobody does
	Failing  []FailingCheck // of it (a service) or about it (a dependency)
}

// FailingCheck of an instance.
type FailingCheck struct {
	Service  string
	Instance string
	Check
}

// Link is what passes between two nodes, of all instances together.
type Link struct {
	Source, Destination, Protocol string

	Rate     float64       // calls per second
	Errors   float64       // share of the calls, 0 to 1
	P50, P99 time.Duration // 0: nothing passed; at most the last bound of the classes
	Open     int           // instances whose circuit breaker is open
}

// Draw makes the graph of what the instances have said; those that have stopped are left out.
func Draw(all []Instance) Graph {
	var g Graph
	links, nodes := gather(all)
	for _, l := range links {
		g.Links = append(g.Links, l.link())
	}
	slices.SortFunc(g.Links, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Destination, b.Destination), cmp.Compare(a.Protocol, b.Protocol))
	})
	for name := range nodes {
		g.Nodes = append(g.Nodes, describe(name, all))
	}
	slices.SortFunc(g.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return g
}

// sum is what the instances have counted of an edge within their windows.
type sum struct {
	key    key
	calls  []uint64
	errors uint64
	rate   float64
	open   int
}

// gather adds the instances' edges up, and names the nodes that somebody is, asks after or talks with.
func gather(all []Instance) (links map[key]*sum, nodes map[string]bool) {
	links, nodes = map[key]*sum{}, map[string]bool{}
	for _, i := range all {
		if i.State == Stopped {
			continue
		}
		nodes[i.Service] = true
		for _, c := range i.Checks {
			if c.Node != "" {
				nodes[c.Node] = true
			}
		}
		if i.State != Live {
			continue
		}
		for _, e := range i.Now.Edges {
			nodes[e.Source], nodes[e.Destination] = true, true
			if links[e.key()] == nil {
				links[e.key()] = &sum{key: e.key(), calls: make([]uint64, len(telemetry.EdgeBounds())+1)}
			}
			links[e.key()].add(e, i)
		}
	}
	return links, nodes
}

// add counts what came since the snapshot before; without one, since the start, whose time nobody knows: it makes no rate.
func (s *sum) add(e Edge, i Instance) {
	if e.Open {
		s.open++
	}
	var before Edge
	for _, b := range i.Before.Edges {
		if b.key() == e.key() {
			before = b
		}
	}
	var came uint64
	for n := range s.calls {
		came += s.count(n, e, before)
	}
	s.errors += less(e.Errors, before.Errors)
	if over := i.Now.At.Sub(i.Before.At); !i.Before.At.IsZero() && over > 0 {
		s.rate += float64(came) / over.Seconds()
	}
}

func (s *sum) count(class int, now, before Edge) uint64 {
	if class >= len(now.Calls) {
		return 0
	}
	n := now.Calls[class]
	if class < len(before.Calls) {
		n = less(n, before.Calls[class])
	}
	s.calls[class] += n
	return n
}

func less(a, b uint64) uint64 { return a - min(a, b) }

func (s *sum) link() Link {
	l := Link{Source: s.key.source, Destination: s.key.destination, Protocol: s.key.protocol, Rate: s.rate, Open: s.open}
	var n uint64
	for _, c := range s.calls {
		n += c
	}
	if n > 0 {
		l.Errors = min(1, float64(s.errors)/float64(n))
		l.P50, l.P99 = s.quantile(n, .5), s.quantile(n, .99)
	}
	return l
}

// quantile by interpolation within the class, as PromQL's histogram_quantile has it.
func (s *sum) quantile(n uint64, q float64) time.Duration {
	bounds := telemetry.EdgeBounds()
	rank, below := q*float64(n), 0.0
	for i, c := range s.calls {
		if below+float64(c) < rank || c == 0 {
			below += float64(c)
			continue
		}
		if i == len(bounds) {
			break
		}
		low := 0.0
		if i > 0 {
			low = bounds[i-1]
		}
		return time.Duration((low + (bounds[i]-low)*(rank-below)/float64(c)) * float64(time.Second))
	}
	return time.Duration(bounds[len(bounds)-1] * float64(time.Second))
}
