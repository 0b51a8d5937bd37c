package traces

import "time"

// Line is what of a log record says where it belongs.
type Line struct {
	TS       time.Time
	Service  string
	Instance string
	SpanID   string
}

// How a line has found its place.
const (
	ByID   = "span_id"
	ByTime = "time" // its span is not there: the innermost of its service, and of its instance, that lasted then
)

// Place finds the node that a line belongs to; "" when there is none.
func (t *Tree) Place(l Line) (key, by string) {
	found := t.byID[l.SpanID]
	if l.SpanID == "" {
		found = nil
	}
	for _, i := range found {
		if t.Nodes[i].Service == l.Service {
			return t.Nodes[i].Key, ByID
		}
	}
	if len(found) > 0 {
		return t.Nodes[found[0]].Key, ByID
	}
	best := -1
	for i := range t.Nodes {
		if n := &t.Nodes[i]; n.around(l) && (best < 0 || n.Start.After(t.Nodes[best].Start) || n.Depth > t.Nodes[best].Depth && n.Start.Equal(t.Nodes[best].Start)) {
			best = i
		}
	}
	if best < 0 {
		return "", ""
	}
	return t.Nodes[best].Key, ByTime
}

// around: the line may have been written within it.
func (n *Node) around(l Line) bool {
	return !n.Hidden && !n.Strays && n.Service == l.Service && (n.Instance == "" || l.Instance == "" || n.Instance == l.Instance) &&
		!l.TS.Before(n.Start) && !l.TS.After(n.End())
}
