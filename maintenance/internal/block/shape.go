package block

import (
	"strconv"
	"strings"
)

// Bounds of a block's attributes: of what comes beyond, the whole object is a value.
const (
	mostFields = 512
	mostShapes = 1024
)

// objects of a block while it is made. What stands between the values of an object is its shape, and nearly always the
// shape has been there before: so the texts between values are the edges of a tree, along which an object is read by
// comparing whole texts, without a look at its names.
type objects struct {
	nodes  []node
	shapes []string
	ids    map[string]int32 // of shapes
	fields []column
	names  map[string]int32 // of fields
	whole  int32            // the shape that is a whole object; -1: there is none yet
	of     []uint32         // the shape of each record
	seen   []span           // values of the object that is read
	paths  []path           // of all shapes, for the filter
	maker  shaper
}

// column is a field's raw values.
type column struct {
	name   string
	values []string
}

// span is a value's place in its object.
type span struct{ field, from, to int32 }

type node struct {
	edges []edge
	last  int // the edge that was taken last
}

// edge is a text, and what follows it: a value of a field and a node, or nothing, when it ends a shape.
type edge struct {
	text  string
	field int32
	next  int32
	shape int32 // -1: it goes on
}

// mostEdges of a node: of many shapes, one is found sooner by its text.
const mostEdges = 16

func (o *objects) reset() {
	if o.ids == nil {
		o.ids, o.names = map[string]int32{}, map[string]int32{}
	}
	clear(o.ids)
	clear(o.names)
	for i := range o.fields {
		clear(o.fields[i].values)
		o.fields[i].values = o.fields[i].values[:0]
	}
	o.nodes, o.shapes, o.fields, o.of, o.paths = append(o.nodes[:0], node{}), o.shapes[:0], o.fields[:0], o.of[:0], o.paths[:0]
	o.whole = -1
}

// add takes the next record's object, which is valid UTF-8; false for what is no JSON object on one line, or not one
// that PostgreSQL's jsonb takes. It is kept as it is, not copied.
func (o *objects) add(object string) bool {
	shape, ok := o.known(object)
	if !ok {
		if shape, ok = o.learn(object); !ok {
			return false
		}
	}
	for _, v := range o.seen {
		f := &o.fields[v.field]
		f.values = append(f.values, object[v.from:v.to])
	}
	o.of = append(o.of, uint32(shape))
	return true
}

// known follows the tree.
func (o *objects) known(object string) (shape int32, ok bool) {
	o.seen = o.seen[:0]
	at, place := 0, int32(0)
	for {
		n := &o.nodes[place]
		e, end := n.follow(object, at)
		if e == nil {
			return 0, false
		}
		if e.shape >= 0 {
			return e.shape, true
		}
		from := at + len(e.text)
		o.seen = append(o.seen, span{e.field, int32(from), int32(end)})
		at, place = end, e.next
	}
}

// follow finds the edge that the object goes on with, and where the value behind it ends.
func (n *node) follow(object string, at int) (*edge, int) {
	for i := range n.edges {
		if i += n.last; i >= len(n.edges) {
			i -= len(n.edges)
		}
		e := &n.edges[i]
		if !strings.HasPrefix(object[at:], e.text) {
			continue
		}
		end := at + len(e.text)
		ok := end == len(object)
		if e.shape < 0 {
			end, ok = valueAt(object, end)
		}
		if ok {
			n.last = i
			return e, end
		}
	}
	return nil, 0
}

// learn takes the object apart by its names.
func (o *objects) learn(object string) (shape int32, ok bool) {
	s := &o.maker
	if !s.read(object) {
		return 0, false
	}
	o.seen = o.seen[:0]
	fits := len(o.fields)+len(s.values) < mostFields && len(o.shapes) < mostShapes-1
	text, at := make([]byte, 0, len(object)), 0
	for _, v := range s.values {
		field, there := o.names[string(s.names[v.name:v.end])]
		if !there && fits {
			field = o.field(string(s.names[v.name:v.end]))
		} else if !there {
			return o.object(object), true
		}
		text = append(text, object[at:v.from]...)
		text = append(strconv.AppendInt(append(text, Mark...), int64(field), 10), Mark...)
		o.seen = append(o.seen, span{field, int32(v.from), int32(v.to)})
		at = v.to
	}
	text = append(text, object[at:]...)
	shape, there := o.ids[string(text)]
	if !there {
		if !fits {
			return o.object(object), true
		}
		shape = o.shape(string(text))
		o.paths = append(o.paths, s.paths...)
	}
	o.plant(object, shape)
	return shape, true
}

func (o *objects) field(name string) int32 {
	n := int32(len(o.fields))
	if cap(o.fields) > len(o.fields) {
		o.fields = o.fields[:n+1] // with the memory that one before it had
		o.fields[n].name = name
	} else {
		o.fields = append(o.fields, column{name: name})
	}
	o.names[name] = n
	return n
}

func (o *objects) shape(text string) int32 {
	n := int32(len(o.shapes))
	o.shapes = append(o.shapes, text)
	o.ids[text] = n
	return n
}

// object is the shape of one that is a value as a whole.
func (o *objects) object(object string) int32 {
	if o.whole < 0 {
		field, there := o.names[""]
		if !there {
			field = o.field("")
		}
		o.whole = o.shape(Mark + strconv.Itoa(int(field)) + Mark)
	}
	field := o.names[""]
	o.seen = append(o.seen[:0], span{field, 0, int32(len(object))})
	return o.whole
}

// plant makes the way of the object that was just learnt, unless there are too many.
func (o *objects) plant(object string, shape int32) {
	at, place := 0, int32(0)
	for i := range len(o.seen) + 1 {
		e := edge{text: object[at:], shape: shape}
		if i < len(o.seen) {
			v := o.seen[i]
			e = edge{text: object[at:v.from], field: v.field, shape: -1}
			at = int(v.to)
		}
		n := &o.nodes[place]
		next, there := n.find(e)
		if !there {
			if len(n.edges) >= mostEdges {
				return
			}
			e.next = int32(len(o.nodes))
			next = e.next
			n.edges = append(n.edges, e)
			o.nodes = append(o.nodes, node{})
		}
		place = next
	}
}

func (n *node) find(e edge) (next int32, ok bool) {
	for i := range n.edges {
		if o := &n.edges[i]; o.text == e.text && o.shape == e.shape {
			return o.next, true
		}
	}
	return 0, false
}
