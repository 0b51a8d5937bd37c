package block

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// folded is a column in which case does not matter, made when it is asked for.
type folded struct {
	ascii    []byte // A-Z folded, of the length of the column
	wide     string // folded as query.Fold does
	done     bool
	wideDone bool
}

// text looks into messages, and into the names and values of attributes.
func (r *run) text(t query.Text, among Bitmap) Bitmap {
	found := r.message(t, among)
	left := among.clone().without(found)
	if left.Empty() {
		return found
	}
	return found.or(r.values(t, left))
}

// message finds the text in messages.
func (r *run) message(t query.Text, among Bitmap) Bitmap {
	if !t.Wild {
		return r.msg.candidates(r.Msg, Unit[0], query.Fold(t.Value), among)
	}
	for part := range strings.SplitSeq(query.Fold(t.Value), "*") {
		among = r.msg.candidates(r.Msg, Unit[0], part, among)
	}
	return r.column("msg", among, t.Holds)
}

// values finds the text in names and values of attributes. JSON writes some characters in another way; a piece of
// the text without those stands in the line as it is.
func (r *run) values(t query.Text, among Bitmap) Bitmap {
	value := query.Fold(t.Value)
	if !t.Wild && value == plain(value) && value != "" {
		return r.attrs.accepted(r, value, t, among)
	}
	for _, piece := range strings.FieldsFunc(value, func(c rune) bool { return special(c) || t.Wild && c == '*' }) {
		among = r.attrs.candidates(r.Block.Attrs, Line[0], piece, among)
	}
	return r.filter(among, func(i int) bool { return r.holdsText(t, i) })
}

func (r *run) holdsText(t query.Text, i int) (found bool) {
	query.Attrs([]byte(r.AttrTexts()[i]), func(a query.Attr) { found = found || t.Holds(a.Key) || t.Holds(a.Text) })
	return found
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

// fold makes the column that holds the needle if the column does.
func (f *folded) fold(column, needle string) string {
	if isASCII(needle) {
		if !f.done {
			f.ascii, f.done = lower(f.ascii[:0], column), true
		}
		return unsafe.String(unsafe.SliceData(f.ascii), len(f.ascii)) // the next block's column takes its place
	}
	if !f.wideDone {
		f.wide, f.wideDone = query.Fold(column), true
	}
	return f.wide
}

// candidates are the records in whose text of the column the needle, which is folded, stands.
func (f *folded) candidates(column string, separator byte, needle string, among Bitmap) Bitmap {
	if needle == "" {
		return among.clone()
	}
	return hits(f.fold(column, needle), separator, needle, among, nil)
}

// accepted are the records in whose attributes the needle, which is folded and plain, stands within a name or a value.
func (f *folded) accepted(r *run, needle string, t query.Text, among Bitmap) Bitmap {
	loose := strings.ContainsAny(needle, "{}[]:, ")
	return hits(f.fold(r.Block.Attrs, needle), Line[0], needle, among, func(i int, line string, at int) verdict {
		if r.giveUp() {
			return no
		}
		if strings.IndexByte(line, '\\') >= 0 {
			if r.holdsText(t, i) {
				return yes
			}
			return no
		}
		if !loose || strings.Count(line[:at], `"`)%2 == 1 {
			return yes
		}
		return elsewhere
	})
}

// verdict on a hit.
type verdict uint8

const (
	yes       verdict = iota
	no                // the record does not match
	elsewhere         // this hit does not count, another may
)

// hits finds the records in whose text the needle stands. judge, unless it is nil, decides on each hit: the record, its text,
// and where the needle begins in it.
func hits(column string, separator byte, needle string, among Bitmap, judge func(i int, line string, at int) verdict) Bitmap {
	found := make(Bitmap, len(among))
	if needle == "" || strings.IndexByte(needle, separator) >= 0 {
		return found
	}
	record, start := 0, 0 // of the text that is looked at
	for at := 0; ; {
		hit := strings.Index(column[at:], needle)
		if hit < 0 {
			return found
		}
		hit += at
		if n := strings.Count(column[start:hit], string(separator)); n > 0 {
			record, start = record+n, start+strings.LastIndexByte(column[start:hit], separator)+1
		}
		end := strings.IndexByte(column[hit:], separator)
		if end < 0 {
			end = len(column)
		} else {
			end += hit
		}
		at = end
		if !among.Has(record) {
			continue
		}
		verdict := yes
		if judge != nil {
			verdict = judge(record, column[start:end], hit-start)
		}
		switch verdict {
		case yes:
			found.Set(record)
		case elsewhere:
			at = hit + 1
		}
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// lower appends the column with A-Z in lower case, eight bytes at a time.
func lower(to []byte, column string) []byte {
	if cap(to) < len(column)+8 {
		to = make([]byte, 0, len(column)+len(column)/4+8)
	}
	const high, ones = 0x8080808080808080, 0x0101010101010101
	from, i := unsafe.Slice(unsafe.StringData(column), len(column)), 0
	to = to[:len(column)]
	for ; i+8 <= len(column); i += 8 {
		x := binary.LittleEndian.Uint64(from[i:])
		seven := x &^ high
		upper := (seven + (0x80-'A')*ones) & ^(seven + (0x7f-'Z')*ones) & ^x & high
		binary.LittleEndian.PutUint64(to[i:], x|upper>>2)
	}
	for ; i < len(column); i++ {
		c := from[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		to[i] = c
	}
	return to
}
