package block

import "github.com/signalbox-mesh/signalbox/maintenance/internal/query"

// shaper takes an object apart by its names.
type shaper struct {
	w      walker
	names  []byte
	values []valued
	paths  []path
}

// path is what query.Attr says of a member.
type path struct {
	name  string
	key   int  // where in the name its own key begins
	group bool // it has members of its own
}

// valued is a value, and its name among the names.
type valued struct{ name, end, from, to int }

func (s *shaper) read(object string) bool {
	s.w = walker{in: bytesOf(object), fn: func([]byte, []byte, query.ValueKind) {}, path: s.w.path[:0], spare: s.w.spare}
	s.names, s.values, s.paths = s.names[:0], s.values[:0], s.paths[:0]
	if object == "" || object[0] != '{' {
		return false
	}
	return s.w.list(0, '}', s.member) && s.w.at == len(object)
}

func (s *shaper) member(depth int) bool {
	w := &s.w
	before, ok := w.name(depth)
	if !ok {
		return false
	}
	key := before
	if depth > 0 {
		key++ // behind the point
	}
	group := w.next() == '{'
	s.paths = append(s.paths, path{string(w.path), key, group})
	if group {
		ok = depth < deepest && w.list(depth+1, '}', s.member)
	} else {
		from, name := w.at, len(s.names)
		s.names = append(s.names, w.path...)
		ok = w.value(depth + 1)
		s.values = append(s.values, valued{name, len(s.names), from, w.at})
	}
	w.path = w.path[:before]
	return ok
}
