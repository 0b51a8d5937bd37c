package block

import (
	"strconv"
	"strings"
)

// decoded is what was found out about the attributes' columns.
type decoded struct {
	shapes []shape
	of     []uint32 // the shape of each record
	fields []reader
	marks  []int32 // how many values each field has before records 0, stride, 2·stride …
	cursor []int32 // the same, before some record
}

// stride is how far the marks lie apart, in records.
const stride = 64

// shape is a text that was taken apart: texts[0], a value of fields[0], texts[1] …
type shape struct {
	texts  []string
	fields []int32
	paths  []path // see members
	parsed bool
}

// members are the names in the shape; a whole object has none.
func (s *shape) members() []path {
	if !s.parsed {
		var m shaper
		if s.parsed = true; m.read(strings.Join(s.texts, "0")) {
			s.paths = m.paths
		}
	}
	return s.paths
}

// records are those that the values of field f belong to; nil: each has one.
func (d *decoded) records(f int) []int32 {
	r := &d.fields[f]
	if r.records != nil || len(d.shapes) == 1 && d.times(0, f) == 1 {
		return r.records
	}
	times := make([]int, len(d.shapes))
	for s := range d.shapes {
		times[s] = d.times(s, f)
	}
	r.records = make([]int32, 0, len(d.of))
	for i, s := range d.of {
		for range times[s] {
			r.records = append(r.records, int32(i))
		}
	}
	return r.records
}

// times is how often shape s has field f.
func (d *decoded) times(s, f int) (n int) {
	for _, one := range d.shapes[s].fields {
		if int(one) == f {
			n++
		}
	}
	return n
}

// objects takes shapes and fields apart; values are when they are asked for.
func (b *Block) objects() *decoded {
	if b.index.objects != nil {
		return b.index.objects
	}
	d := &decoded{fields: make([]reader, len(b.Coded.Fields)), cursor: make([]int32, len(b.Coded.Fields))}
	for i := range d.fields {
		if d.fields[i].Field = &b.Coded.Fields[i]; !d.fields[i].sound() {
			d.fields[i].Field = &Field{Name: b.Coded.Fields[i].Name} // of nothing
		}
	}
	for _, text := range Split(b.Coded.Shapes, Unit) {
		d.shapes = append(d.shapes, d.shape(text))
	}
	b.index.objects = d
	if b.Has&(Attrs|AttrLists) == AttrLists {
		return d // which record has what is not known
	}
	d.of = b.Coded.Shape.unpack(make([]uint32, 0, b.Records), b.Records)
	for i, s := range d.of {
		if s >= uint32(len(d.shapes)) {
			d.of[i] = 0
		}
	}
	return d
}

// shape takes one apart. Numbers of fields that there are not count as text.
func (d *decoded) shape(text string) (s shape) {
	parts := strings.Split(text, Mark)
	s.texts = append(s.texts, parts[0])
	for i := 1; i+1 < len(parts); i += 2 {
		field, err := strconv.Atoi(parts[i])
		if err != nil || field < 0 || field >= len(d.fields) {
			s.texts[len(s.texts)-1] += parts[i+1]
			continue
		}
		s.fields, s.texts = append(s.fields, int32(field)), append(s.texts, parts[i+1])
	}
	return s
}

// at is the shape of record i; one that is missing is empty.
func (d *decoded) at(i int) *shape {
	if i < len(d.of) {
		return &d.shapes[d.of[i]]
	}
	return &shape{texts: []string{"{}"}}
}

// before is how many values each field has before record i. It is overwritten by the next call.
func (d *decoded) before(i int) []int32 {
	if len(d.shapes) == 1 { // nothing need be counted
		clear(d.cursor)
		for _, f := range d.shapes[0].fields {
			d.cursor[f] += int32(min(i, len(d.of)))
		}
		return d.cursor
	}
	if d.marks == nil {
		d.mark()
	}
	from := min(i, len(d.of)) / stride
	copy(d.cursor, d.marks[from*len(d.fields):])
	for at := from * stride; at < min(i, len(d.of)); at++ {
		for _, f := range d.shapes[d.of[at]].fields {
			d.cursor[f]++
		}
	}
	return d.cursor
}

func (d *decoded) mark() {
	d.marks = make([]int32, 0, (len(d.of)/stride+1)*len(d.fields))
	now := make([]int32, len(d.fields))
	for i, s := range d.of {
		if i%stride == 0 {
			d.marks = append(d.marks, now...)
		}
		for _, f := range d.shapes[s].fields {
			now[f]++
		}
	}
	if len(d.of)%stride == 0 {
		d.marks = append(d.marks, now...)
	}
}

// append writes the object of record i; cursor are the places of its values, which are moved behind them.
func (d *decoded) append(to []byte, i int, cursor []int32) []byte {
	s := d.at(i)
	for k, f := range s.fields {
		to = append(to, s.texts[k]...)
		to = d.fields[f].append(to, int(cursor[f]))
		cursor[f]++
	}
	return append(to, s.texts[len(s.texts)-1]...)
}

// Attr is the attributes of record i, a JSON object; "" when they were not read.
func (b *Block) Attr(i int) string {
	if b.Has&Attrs == 0 {
		return ""
	}
	if b.index.attrs != nil {
		return entry(b.index.attrs, uint64(i))
	}
	return textOf(b.appendAttrs(nil, i))
}

func (b *Block) appendAttrs(to []byte, i int) []byte {
	d := b.objects()
	return d.append(to, i, d.before(i))
}

// AttrTexts are the attributes, a JSON object each; nil when they were not read.
func (b *Block) AttrTexts() []string {
	x := &b.index
	if x.attrs != nil || b.Has&Attrs == 0 {
		return x.attrs
	}
	d, text, total := b.objects(), []byte(nil), 0
	cursor := make([]int32, len(d.fields))
	x.attrs = make([]string, b.Records)
	for i := range x.attrs {
		if cap(text)-len(text) < 4<<10 {
			text = make([]byte, 0, 256<<10)
		}
		from := len(text)
		if text = d.append(text, i, cursor); total > mostText {
			break
		}
		total += len(text) - from
		x.attrs[i] = textOf(text[from:])
	}
	return x.attrs
}
