package block

import (
	"sort"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// numbers asks a field of numbers. What compares with a number holds for a range of them; nothing but a wildcard or a
// regular expression looks at the digits of each.
func (r *run) numbers(a asked, d *decoded, k int, among, found Bitmap) {
	f, c := &d.fields[k], a.compare
	if c == nil || !c.Op.Ordering() && !c.Exact && strings.Contains(c.Value, "*") {
		r.each(d, k, among, found, func(v int) bool {
			r.scratch = f.appendPlain(r.scratch[:0], v)
			return a.holds(query.Value{Kind: query.Digits, Text: textOf(r.scratch)})
		})
		return
	}
	low, high := r.interval(a, f)
	if low > high {
		return
	}
	if f.Codes.Width <= 32 {
		r.eachCode(d, k, found, func(code uint32) bool { return uint64(code)-low <= high-low })
		return
	}
	r.each(d, k, among, found, func(v int) bool { return f.Codes.At(v)-low <= high-low })
}

// interval is the first and the last code of a field of numbers that a comparison holds for.
func (r *run) interval(a asked, f *reader) (low, high uint64) {
	c, most := a.compare, uint64(1)<<f.Codes.Width-1
	value := func(code uint64) query.Value {
		r.scratch = appendDecimal(r.scratch[:0], f.Base+int64(code), f.Scale)
		return query.Value{Kind: query.Digits, Text: textOf(r.scratch)}
	}
	if c.Is != query.Numeric || c.Exact {
		n, decimals, ok := int64(0), 0, false
		if c.Value != "" {
			n, decimals, ok = decimal(c.Value)
		}
		if !ok || c.Op.Ordering() || decimals > f.Scale {
			return 1, 0
		}
		code := uint64(n*tens[f.Scale-decimals] - f.Base)
		if code > most || !a.holds(value(code)) {
			return 1, 0
		}
		return code, code
	}
	// The first that is not less, and the first that is more.
	first := func(than int) uint64 {
		return uint64(sort.Search(int(most)+1, func(code int) bool {
			n, ok := query.ParseNumber(value(uint64(code)).Text)
			return !ok || n.Compare(c.Number) >= than
		}))
	}
	low, high = 0, most
	switch c.Op {
	case query.Less:
		high = first(0) - 1
	case query.LessEqual:
		high = first(1) - 1
	case query.Greater:
		low = first(1)
	case query.GreaterEqual:
		low = first(0)
	default:
		low, high = first(0), first(1)-1
	}
	if high == ^uint64(0) { // none is less
		return 1, 0
	}
	return low, high
}

// digits asks a field of hexadecimal digits.
func (r *run) digits(a asked, d *decoded, k int, among, found Bitmap) {
	f, c := &d.fields[k], a.compare
	if size := f.Codes.Width / 8; c != nil && c.Op == query.Equal && (c.Exact || c.Is != query.Numeric && !strings.Contains(c.Value, "*")) && f.Codes.Width%8 == 0 && size > 0 {
		want, ok := unhex(nil, strings.ReplaceAll(c.Value, "-", ""))
		if !ok || len(want) != size || string(f.appendBytes(nil, want)) != c.Value {
			return
		}
		r.each(d, k, among, found, func(v int) bool { return string(ofSize(f.Codes.Bytes, uint64(v), size)) == string(want) })
		return
	}
	r.each(d, k, among, found, func(v int) bool {
		r.scratch = f.appendPlain(r.scratch[:0], v)
		return a.holds(query.Value{Kind: query.Phrase, Text: textOf(r.scratch)})
	})
}
