package block

import (
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// asked is a question about an attribute.
type asked struct {
	field   string
	holds   func(query.Value) bool // of one value; it does not keep it
	compare *query.Compare         // it is this comparison
	exists  bool                   // holds for all but null
}

// attribute finds the records with an attribute that holds: field by field, each distinct value once.
func (r *run) attribute(a asked, among Bitmap) Bitmap {
	found := NewBitmap(r.Records)
	if !r.has(Attrs, AttrLists) {
		return found
	}
	d := r.objects()
	if a.exists {
		r.groups(d, a.field, found)
	}
	for k := range d.fields {
		f := &d.fields[k]
		// Elsewhere it may stand in the objects of a list, or in an object that is a value as a whole.
		if exact := f.Name == a.field; exact || f.Name == "" || strings.HasPrefix(a.field, f.Name) && a.field[len(f.Name)] == '.' {
			r.ask(a, d, k, exact, among, found)
		}
		if r.stopped {
			break
		}
	}
	return found.and(among)
}

// groups finds the records with a group of that name.
func (r *run) groups(d *decoded, name string, found Bitmap) {
	for s := range d.shapes {
		for _, p := range d.shapes[s].members() {
			if p.group && p.name == name {
				r.shaped(d, s, found)
				break
			}
		}
	}
}

// shaped are the records of a shape.
func (r *run) shaped(d *decoded, s int, found Bitmap) {
	if !r.has(Attrs, AttrLists) {
		return
	}
	for i, of := range d.of {
		if int(of) == s && i < r.Records {
			found.Set(i)
		}
	}
}

// ask asks a field.
func (r *run) ask(a asked, d *decoded, k int, exact bool, among, found Bitmap) {
	f := &d.fields[k]
	switch {
	case f.Kind == Texts || f.Kind == Words:
		r.listed(d, k, among, found, r.candidates(a, f, exact), func(raw string) bool { return holdsRaw(raw, f.Name, a) })
	case !exact:
	case a.exists:
		r.each(d, k, among, found, func(int) bool { return true })
	case f.Kind == Numbers:
		r.numbers(a, d, k, among, found)
	default:
		r.digits(a, d, k, among, found)
	}
}

// each asks holds of the values of a field, by their number, as long as their records are wanted.
func (r *run) each(d *decoded, k int, among, found Bitmap, holds func(v int) bool) {
	if !r.has(Attrs, AttrLists) {
		return
	}
	records := d.records(k)
	if records == nil {
		for i := range among.All() {
			if r.giveUp() {
				return
			}
			if holds(i) {
				found.Set(i)
			}
		}
		return
	}
	for v, i := range records {
		if int(i) >= r.Records || !among.Has(int(i)) || found.Has(int(i)) {
			continue
		}
		if r.giveUp() {
			return
		}
		if holds(v) {
			found.Set(int(i))
		}
	}
}

// listed asks holds of the entries of a field's list that are candidates; nil: of all.
func (r *run) listed(d *decoded, k int, among, found Bitmap, some []int, holds func(raw string) bool) {
	f := &d.fields[k]
	if some != nil && len(some) == 0 {
		return
	}
	texts := f.list()
	held, any := make([]bool, len(texts)), false
	ask := func(n int) bool {
		if r.giveUp() {
			return false
		}
		if n < len(texts) && holds(texts[n]) {
			held[n], any = true, true
		}
		return true
	}
	if some == nil {
		for n := range texts {
			if !ask(n) {
				return
			}
		}
	}
	for _, n := range some {
		if !ask(n) {
			return
		}
	}
	if !any {
		return
	}
	if f.Kind == Texts {
		r.each(d, k, among, found, func(v int) bool { return v < len(held) && held[v] })
		return
	}
	r.eachCode(d, k, found, func(code uint32) bool { return code < uint32(len(held)) && held[code] })
}

// eachCode asks holds of the codes of a field, which has up to 32 bits a code. It asks of records that are not wanted, too:
// that is sooner done than left out.
func (r *run) eachCode(d *decoded, k int, found Bitmap, holds func(code uint32) bool) {
	if !r.has(Attrs, AttrLists) {
		return
	}
	f, records := &d.fields[k], d.records(k)
	n := r.Records
	if records != nil {
		n = len(records)
	}
	r.codes = f.Codes.unpack(r.codes[:0], n)
	for v, code := range r.codes[:min(n, len(r.codes))] {
		if !holds(code) {
			continue
		}
		if records != nil {
			v = int(records[v])
		}
		if v < r.Records {
			found.Set(v)
		}
	}
}

// candidates are the entries of the field's list in which the value that is compared with stands, when nothing else can
// hold; nil: all.
func (r *run) candidates(a asked, f *reader, exact bool) (some []int) {
	c := a.compare
	if c == nil || c.Op != query.Equal || c.Is != query.Words || !exact && f.Name == "" || c.Value == "" || c.Value != plain(c.Value) || !c.Exact && strings.Contains(c.Value, "*") {
		return nil
	}
	return append(entries(f.Values, Line[0], c.Value), entries(f.Values, Line[0], `\`)...)
}

// entries are those of a list in which the needle stands; never nil.
func entries(joined string, separator byte, needle string) []int {
	some := []int{}
	hits(joined, separator, needle, func(n int, _ string, _ int) bool {
		some = append(some, n)
		return true
	})
	return some
}

// holdsRaw asks of a value as JSON writes it; name is its field's.
func holdsRaw(raw, name string, a asked) (found bool) {
	if raw == "" {
		return false
	}
	switch c := raw[0]; {
	case c == '"' && strings.IndexByte(raw, '\\') < 0 && len(raw) > 1:
		return name == a.field && a.holds(query.Value{Kind: query.Phrase, Text: raw[1 : len(raw)-1]})
	case c == '-' || c-'0' < 10:
		return name == a.field && a.holds(query.Value{Kind: query.Digits, Text: raw})
	}
	walkValue(raw, name, func(path, text []byte, kind query.ValueKind) {
		if !found && string(path) == a.field {
			found = a.holds(query.Value{Kind: kind, Text: string(text)})
		}
	})
	return found
}
