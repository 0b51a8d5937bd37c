package topology

import (
	"cmp"
	"slices"
	"time"
)

// Cause is a failing node that no other one explains, with what it drags down.
type Cause struct {
	Node      string
	Kind      Kind
	Health    Health
	Instances []string // of the service, where only some of them fail; none: the node as a whole
	Since     time.Time
	Evidence  []FailingCheck
	Silent    []Silence
	Open      []Link   // edges to it whose breaker is open somewhere, or of whose calls at least half fail
	Affected  []string // nodes that fail because of it, nearest first; callers of them that are well are not among them
}

// Silence is an instance that is not heard any more.
type Silence struct {
	Instance string
	Since    time.Time
}

// failing are the nodes of the graph that are not well, and for each those that explain it: which its failing checks ask
// after, and which its failing calls go to, if these are failing themselves.
type failing struct {
	nodes    map[string]Node
	by       map[string][]string       // node → what explains it
	own      map[string]bool           // nodes with a trouble that nothing explains
	evidence map[string][]FailingCheck // of that trouble, or against a dependency
}

// Causes are the roots of what fails, the widest first. A check of an instance that asks after a node which fails too is
// explained by that node; one whose node is well, or that asks after the instance itself, is the instance's own trouble. One
// that asks after the instance's own service (view-service syncs with itself) tells nothing where another check fails. Of
// nodes that explain one another the one that failed first is the cause.
func Causes(all []Instance) []Cause {
	g := Draw(all)
	f := g.failing(all)
	var causes []Cause
	for _, name := range f.roots() {
		causes = append(causes, g.cause(name, f, all))
	}
	slices.SortFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(len(b.Affected), len(a.Affected)), a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node))
	})
	return causes
}

func (g Graph) failing(all []Instance) failing {
	f := failing{nodes: map[string]Node{}, by: map[string][]string{}, own: map[string]bool{}, evidence: map[string][]FailingCheck{}}
	for _, n := range g.Nodes {
		if n.ill() {
			f.nodes[n.Name] = n
		}
	}
	open := opened(all)
	for _, n := range f.nodes {
		if n.Kind != Service {
			f.own[n.Name], f.evidence[n.Name] = true, n.Failing
			continue
		}
		f.judge(n, open)
	}
	for _, l := range g.Links {
		if _, ill := f.nodes[l.Destination]; ill && l.failing() {
			if _, too := f.nodes[l.Source]; too && l.Source != l.Destination {
				f.explain(l.Source, l.Destination)
			}
		}
	}
	return f
}

// ill says whether the node may be a cause, or have one. A dependency that fails for few only is these few's trouble.
func (n Node) ill() bool {
	return n.Health == Down || (n.Health == Degraded && n.Kind == Service)
}

// failing says whether the calls over the link are evidence against its destination.
func (l Link) failing() bool { return l.Open > 0 || (l.Errors >= .5 && l.Rate > 0) }

// judge says of a service what explains its failing checks, and which are its own.
func (f failing) judge(n Node, open map[name][]string) {
	var itself []FailingCheck
	for _, c := range n.Failing {
		for _, node := range c.after(open) {
			switch _, ill := f.nodes[node]; {
			case node == n.Name:
				itself = append(itself, c)
			case ill:
				f.explain(n.Name, node)
			case !slices.Contains(f.evidence[n.Name], c):
				f.evidence[n.Name] = append(f.evidence[n.Name], c)
			}
		}
	}
	if len(f.evidence[n.Name]) == 0 && len(f.by[n.Name]) == 0 {
		f.evidence[n.Name] = itself
	}
	// Without a failing check it is draining, out of service, or has a word of its own.
	f.own[n.Name] = n.Count[Lost] > 0 || len(n.Failing) == 0 || len(f.evidence[n.Name]) > 0
}

// breakers is the check of every sidecar that fails while a circuit breaker of it is open: its edges say whose.
const breakers = "mesh"

// after are the nodes that the check asks after; "": its own instance.
func (c FailingCheck) after(open map[name][]string) []string {
	if c.Name != breakers || c.Node != "" {
		return []string{c.Node}
	}
	if to := open[name{c.Service, c.Instance}]; len(to) > 0 {
		return to
	}
	return []string{c.Service} // the breaker has let a probe through since: the check is of a moment ago
}

// opened are the nodes to which breakers of the live instances are open.
func opened(all []Instance) map[name][]string {
	open := map[name][]string{}
	for _, i := range all {
		n := name{i.Service, i.Instance}
		for _, e := range i.Now.Edges {
			if e.Open && e.Source == i.Service && !slices.Contains(open[n], e.Destination) {
				open[n] = append(open[n], e.Destination)
			}
		}
	}
	return open
}

func (f failing) explain(node, by string) {
	if !slices.Contains(f.by[node], by) {
		f.by[node] = append(f.by[node], by)
	}
}

// roots are the nodes with a trouble of their own, and of each circle of nodes that explain one another and nothing else the
// first to fail.
func (f failing) roots() []string {
	var roots []string
	for name := range f.nodes {
		if f.own[name] || f.firstOfCircle(name) {
			roots = append(roots, name)
		}
	}
	slices.Sort(roots)
	return roots
}

func (f failing) firstOfCircle(name string) bool {
	behind := f.reach(name, func(n string) []string { return f.by[n] })
	if !slices.Contains(behind, name) {
		return false
	}
	for _, other := range behind {
		if f.own[other] || !slices.Contains(f.reach(other, func(n string) []string { return f.by[n] }), name) {
			return false // the circle has a cause outside, or name only leads to one
		}
		a, b := f.nodes[other], f.nodes[name]
		if cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name)) < 0 {
			return false
		}
	}
	return true
}

// reach are the nodes that can be come to from name, nearest first; name itself only if a circle leads back to it.
func (f failing) reach(name string, next func(string) []string) (found []string) {
	for todo := []string{name}; len(todo) > 0; todo = todo[1:] {
		for _, n := range next(todo[0]) {
			if !slices.Contains(found, n) {
				found, todo = append(found, n), append(todo, n)
			}
		}
	}
	return found
}

// explained are the nodes that name explains at once.
func (f failing) explained(name string) (all []string) {
	for node, by := range f.by {
		if slices.Contains(by, name) {
			all = append(all, node)
		}
	}
	slices.Sort(all)
	return all
}

func (g Graph) cause(name string, f failing, all []Instance) Cause {
	n := f.nodes[name]
	c := Cause{Node: name, Kind: n.Kind, Health: n.Health, Since: n.Since, Evidence: f.evidence[name]}
	for _, i := range all {
		if i.Service == name && i.State == Lost {
			c.Silent = append(c.Silent, Silence{i.Instance, i.HeardAt})
		}
	}
	for _, l := range g.Links {
		if l.Destination == name && l.failing() {
			c.Open = append(c.Open, l)
		}
	}
	if n.Kind == Service {
		c.Instances = c.few(n)
	}
	for _, other := range f.reach(name, f.explained) {
		if other != name {
			c.Affected = append(c.Affected, other)
		}
	}
	return c
}

// few names the instances that fail, if others of the service do not.
func (c Cause) few(n Node) (names []string) {
	for _, e := range c.Evidence {
		names = append(names, e.Instance)
	}
	for _, s := range c.Silent {
		names = append(names, s.Instance)
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == n.Count[Live]+n.Count[Lost] {
		return nil
	}
	return names
}
