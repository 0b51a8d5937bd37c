package block

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// anywhere finds the text in names and values of attributes.
func (r *run) anywhere(t query.Text, among Bitmap) Bitmap {
	d, found, value := r.objects(), NewBitmap(r.Records), query.Fold(t.Value)
	r.named(t, value, d, found)
	for k := range d.fields {
		if r.stopped || r.lacks {
			break
		}
		switch f := &d.fields[k]; f.Kind {
		case Texts, Words:
			r.values.reset(f.Values)
			r.listed(d, k, among, found, r.holding(t, value, Line[0]), func(raw string) bool { return textHolds(t, raw) })
		default:
			r.digitsHold(t, value, d, k, among, found)
		}
	}
	return found.and(among)
}

// named finds the records with a name that holds the text.
func (r *run) named(t query.Text, value string, d *decoded, found Bitmap) {
	r.values.reset(r.Coded.Shapes)
	if some := r.holding(t, value, Unit[0]); some != nil && len(some) == 0 {
		return
	}
	for s := range d.shapes {
		for _, p := range d.shapes[s].members() {
			if t.Holds(p.name[p.key:]) {
				r.shaped(d, s, found)
				break
			}
		}
	}
}

// holding are the entries of the list r.values that may hold the text: all its pieces stand there that JSON writes as
// they are, unless somebody wrote characters by their numbers; nil: any may.
func (r *run) holding(t query.Text, value string, separator byte) (some []int) {
	for _, piece := range strings.FieldsFunc(value, func(c rune) bool { return special(c) || t.Wild && c == '*' }) {
		if with := entries(r.values.of(piece), separator, piece); some == nil || len(with) < len(some) {
			some = with
		}
	}
	if some == nil {
		return nil
	}
	return append(some, entries(r.values.text, separator, `\u`)...)
}

// plain is the text up to what may stand in JSON in another way.
func plain(s string) string {
	if i := strings.IndexFunc(s, special); i >= 0 {
		return s[:i]
	}
	return s
}

func special(c rune) bool {
	return unicode.IsControl(c) || strings.ContainsRune("\"\\/<>&\u2028\u2029\uFFFD", c)
}

// textHolds asks for the text in a value as JSON writes it, and in the names within.
func textHolds(t query.Text, raw string) (found bool) {
	switch {
	case raw == "":
		return false
	case raw[0] == '[' || raw[0] == '{':
		query.Attrs([]byte(`{"":`+raw+"}"), func(a query.Attr) { found = found || t.Holds(a.Key) || t.Holds(a.Text) })
		return found
	case raw[0] == '"' && strings.IndexByte(raw, '\\') < 0 && len(raw) > 1:
		return t.Holds(raw[1 : len(raw)-1])
	}
	walkValue(raw, "", func(_, text []byte, _ query.ValueKind) { found = t.Holds(string(text)) })
	return found
}

// digitsHold finds the text in fields that are coded without texts: they are written out, when they could hold it at all.
func (r *run) digitsHold(t query.Text, value string, d *decoded, k int, among, found Bitmap) {
	f := &d.fields[k]
	alphabet, most := "-.0123456789", 20
	if f.Kind != Numbers {
		alphabet, most = hexDigits+"-", f.Codes.Width/4+4
	}
	if t.Wild {
		alphabet += "*"
	} else if len(value) > most {
		return
	}
	if strings.Trim(value, alphabet) != "" || f.Kind == Numbers && !r.has(Attrs, AttrLists) {
		return
	}
	if size := f.Codes.Width / 8; f.Kind != Numbers && f.Codes.Width%8 == 0 && !t.Wild && len(value) >= 3 && strings.IndexByte(value, '-') < 0 {
		r.bytesHold(value, size, d, k, among, found)
		return
	}
	n := max(f.Codes.Len, 1)
	r.scratch = r.scratch[:0]
	for v := range n {
		r.scratch = append(f.appendPlain(r.scratch, v), Line...)
	}
	held, any := make([]bool, n), false
	needle, _, _ := strings.Cut(strings.Trim(value, "*"), "*")
	hits(textOf(r.scratch), Line[0], needle, func(v int, text string, _ int) bool {
		if !t.Wild || t.Holds(text) {
			held[v], any = true, true
		}
		return true
	})
	if any {
		r.each(d, k, among, found, func(v int) bool { return held[min(v, n-1)] })
	}
}

// bytesHold finds digits in a field of values of so many bytes: whole bytes of them as they lie there, once as if the first
// digit were the upper half of one, once as if it were the lower half. Values in which they are found are then written out.
func (r *run) bytesHold(digits string, size int, d *decoded, k int, among, found Bitmap) {
	f := &d.fields[k]
	var held []bool
	for _, part := range [...]string{digits[:len(digits)&^1], digits[1 : 1+(len(digits)-1)&^1]} {
		needle, ok := unhex(nil, part)
		if !ok {
			return
		}
		for at := 0; ; at++ {
			hit := bytes.Index(f.Codes.Bytes[at:], needle)
			if hit < 0 {
				break
			}
			at += hit
			v := at / size
			if v >= f.Codes.Len {
				break
			}
			if r.scratch = f.appendPlain(r.scratch[:0], v); strings.Contains(textOf(r.scratch), digits) {
				if held == nil {
					held = make([]bool, f.Codes.Len)
				}
				held[v] = true
			}
		}
	}
	if held != nil {
		r.each(d, k, among, found, func(v int) bool { return v < len(held) && held[v] })
	}
}
