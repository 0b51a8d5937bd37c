package topology

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Link is what passes between two nodes, of all instances together.
type Link struct {
	Source, Destination, Protocol string

	Rate     float64       // calls per second
	Errors   float64       // share of the calls, 0 to 1
	P50, P99 time.Duration // 0: nothing passed; at most the last bound of the classes
	Open     int           // instances whose circuit breaker is open
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
