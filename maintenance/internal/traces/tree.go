package traces

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Node is a span in its place.
type Node struct {
	Span
	Key     string // names the node in its tree: the span's id, but for a second span of the same id, and for Strays
	Under   string // key of the node above; "": there is none
	Depth   int
	Orphan  bool          // the span that it names as its parent is not there
	Strays  bool          // no span, but what orphans are put under
	Hidden  bool          // of a service that must not be seen: it has its times, and stands for those of its kind right below
	Earlier time.Duration // it began so long before its parent: two hosts' clocks do not agree
}

// strays is the key of what orphans are put under.
const strays = "strays"

// Tree is a trace. Not safe for concurrent use.
type Tree struct {
	Nodes      []Node // each before those below it, which stand in the order of their beginning
	Start, End time.Time
	Missing    []Missing

	byID map[string][]int
}

// Grow puts spans in order. What sees does not let through keeps its times alone.
//
// A trace store is believed no more than it has to be: spans told twice are there once, a circle of parents is cut open,
// what is deeper than maxDepth stands beside its parent.
func Grow(spans []Span, sees func(service string) bool) *Tree {
	g := &growing{spans: once(spans), sees: sees, tree: &Tree{byID: map[string][]int{}}}
	g.dates()
	g.parents()
	g.cutCircles()
	g.plant()
	g.say()
	return g.tree
}

// growing is the work at a tree; spans are named by their index.
type growing struct {
	spans []seen
	sees  func(string) bool
	below [][]int // by index
	roots []int
	lost  int // orphans that are put under Strays
	deep  bool
	tree  *Tree
}

// seen is a span with what its place says of it.
type seen struct {
	Span
	key    string
	parent int // -1: none
	orphan bool
}

func (s *seen) named() bool { return s.Parent != "" && s.Parent != s.ID }

// once leaves out what is told twice. Two halves of one call may share an id (Zipkin's way): the server's has a key of its own.
// No two keys are the same, whatever the ids are: who walks the tree by them comes to an end.
func once(spans []Span) (all []seen) {
	type half struct{ id, service, kind, name string }
	told, numbers, taken := map[half]bool{}, map[string]int{}, map[string]bool{strays: true}
	for _, s := range spans {
		h := half{s.ID, s.Service, s.Kind, strings.ToLower(s.Name)} // Zipkin has names in small letters
		if told[h] {
			continue
		}
		told[h] = true
		key := s.ID
		for taken[key] {
			numbers[s.ID]++
			key = fmt.Sprintf("%s.%d", s.ID, numbers[s.ID]+1)
		}
		taken[key] = true
		all = append(all, seen{Span: s, key: key, parent: -1})
	}
	return all
}

// dates finds the time of the whole; a span without a beginning has the whole's.
func (g *growing) dates() {
	t := g.tree
	for i := range g.spans {
		if s := &g.spans[i].Span; !s.Start.IsZero() && (t.Start.IsZero() || s.Start.Before(t.Start)) {
			t.Start = s.Start
		}
	}
	t.End = t.Start
	for i := range g.spans {
		s := &g.spans[i].Span
		if s.Start.IsZero() {
			s.Start = t.Start
		}
		if s.End().After(t.End) {
			t.End = s.End()
		}
	}
}

// parents finds them by their id: of two halves the caller's is the server's parent, and the server's that of all others.
func (g *growing) parents() {
	caller, server := map[string]int{}, map[string]int{}
	for i, s := range g.spans {
		switch _, twice := caller[s.ID]; {
		case !twice:
			caller[s.ID], server[s.ID] = i, i
		case s.Kind == "client" || s.Kind == "producer":
			caller[s.ID] = i
		default:
			server[s.ID] = i
		}
	}
	for i := range g.spans {
		s := &g.spans[i]
		if c := caller[s.ID]; server[s.ID] == i && c != i {
			s.parent = c
		} else if at, known := server[s.Parent]; known && s.named() && at != i {
			s.parent = at
		} else {
			s.orphan = s.named()
		}
	}
}

// cutCircles has every span lead to a root.
func (g *growing) cutCircles() {
	state := make([]int, len(g.spans)) // the walk that came by, from 1
	for i := range g.spans {
		for at, walk := i, i+1; at >= 0 && state[at] != walk; at = g.spans[at].parent {
			if state[at] != 0 {
				break
			}
			state[at] = walk
			if up := g.spans[at].parent; up >= 0 && state[up] == walk {
				g.spans[at].parent, g.spans[at].orphan = -1, true
			}
		}
	}
}

// plant writes the nodes, from the roots down.
func (g *growing) plant() {
	g.below = make([][]int, len(g.spans))
	var lost []int
	for i := range g.spans {
		switch s := &g.spans[i]; {
		case s.parent >= 0:
			g.below[s.parent] = append(g.below[s.parent], i)
		case s.orphan:
			lost = append(lost, i)
		default:
			g.roots = append(g.roots, i)
		}
	}
	if len(g.roots)+len(lost) == 1 { // an orphan alone has its parent outside of the mesh
		g.roots, lost = append(g.roots, lost...), nil
	}
	g.lost = len(lost)
	g.walk(g.roots, nil)
	if len(lost) == 0 {
		return
	}
	n := Node{Key: strays, Strays: true, Span: Span{Start: g.spans[slices.MinFunc(lost, g.order)].Start}}
	for _, i := range lost {
		n.Duration = max(n.Duration, g.spans[i].End().Sub(n.Start))
	}
	g.tree.Nodes = append(g.tree.Nodes, n)
	g.walk(lost, &n)
}

// step is a span that is to be written, with the node above it.
type step struct {
	at    int
	above *Node
}

// walk writes the spans and all below them; it keeps its own stack, as a trace may be a chain of thousands.
func (g *growing) walk(from []int, above *Node) {
	var stack []step
	push := func(all []int, above *Node) {
		slices.SortFunc(all, g.order)
		for _, i := range slices.Backward(all) {
			stack = append(stack, step{i, above})
		}
	}
	push(from, above)
	for len(stack) > 0 {
		next := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := g.node(next)
		g.tree.Nodes = append(g.tree.Nodes, n)
		under := &n
		if n.Depth == maxDepth {
			under = next.above
		}
		push(g.children(next.at, n.Hidden), under)
	}
}

// children of a span; those of a hidden one are without the hidden ones right below it, which it stands for.
func (g *growing) children(at int, hidden bool) (all []int) {
	for open := []int{at}; len(open) > 0; {
		i := open[len(open)-1]
		open = open[:len(open)-1]
		for _, child := range g.below[i] {
			if hidden && !g.sees(g.spans[child].Service) {
				open = append(open, child)
			} else {
				all = append(all, child)
			}
		}
	}
	return all
}

func (g *growing) order(a, b int) int {
	x, y := &g.spans[a], &g.spans[b]
	if c := x.Start.Compare(y.Start); c != 0 {
		return c
	}
	return strings.Compare(x.key, y.key)
}

func (g *growing) node(s step) Node {
	span := &g.spans[s.at]
	n := Node{Span: span.Span, Key: span.key, Orphan: span.orphan}
	if !g.sees(span.Service) {
		n.Hidden, n.Span = true, Span{ID: span.ID, Parent: span.Parent, Start: span.Start, Duration: span.Duration}
	} else {
		g.tree.byID[span.ID] = append(g.tree.byID[span.ID], len(g.tree.Nodes))
	}
	if s.above != nil {
		n.Under, n.Depth = s.above.Key, s.above.Depth+1
		n.Earlier = max(0, s.above.Start.Sub(n.Start))
		g.deep = g.deep || n.Depth == maxDepth && len(g.below[s.at]) > 0
	}
	return n
}

// say what of the trace is not there, as far as its spans show it.
func (g *growing) say() {
	switch {
	case slices.ContainsFunc(g.tree.Nodes, func(n Node) bool { return n.Partial }):
		g.tree.lacks(Partial, "the trace was sampled out, and kept from an error on only")
	case g.lost > 0:
		g.tree.lacks(Partial, "parents of spans are not there: they were not sent, are no longer kept, or are on their way still")
	}
	if g.deep {
		g.tree.lacks(Truncated, fmt.Sprintf("the trace is deeper than %d spans; what is below stands beside its parent", maxDepth))
	}
}

func (t *Tree) lacks(r Reason, detail string) {
	t.Missing = append(t.Missing, Missing{Spans, r, detail})
}
