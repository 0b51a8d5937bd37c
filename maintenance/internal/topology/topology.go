// Package topology draws the mesh from what its instances say of themselves: which nodes there are and how they are, what
// passes between them, and which failing node explains the others.
package topology

import (
	"cmp"
	"slices"
	"time"
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
