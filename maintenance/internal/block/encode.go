package block

import (
	"math"
	"math/bits"
)

// Bounds of numbers: what stays exact in 64 bits, whatever is added.
const (
	mostDigits   = 17 // of a number
	mostDecimals = 9
	mostWidth    = 56 // bits of a code
	largest      = 1 << 62
)

var tens = [...]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// values makes fields of columns. It keeps buffers: not safe for concurrent use.
type values struct {
	words    dict
	codes    []uint32
	numbers  []int64
	decimals []uint8
	digits   []byte
	filter   contents
}

// field codes a column in the way that takes the fewest bytes, and tells the filter what is in it.
func (v *values) field(c *column) Field {
	f := Field{Name: c.name}
	v.filter.field(c.name)
	best, texts := v.shortest(&f, c.values), 0
	if best == math.MaxInt {
		for _, s := range c.values {
			texts += len(s) + 1
		}
		best = texts
	}
	if v.distinct(c.values, best) {
		v.asWords(&f, len(c.values))
		return f
	}
	switch f.Kind {
	case Texts:
		f.Values = joined(c.values, Line)
		for _, s := range c.values {
			v.filter.value(s)
		}
	case Numbers:
		v.asNumbers(&f)
		for _, s := range c.values {
			v.filter.number(s)
		}
	default:
		f.Codes = Codes{f.Codes.Width, len(c.values), append([]byte(nil), v.digits...)}
		for _, s := range c.values {
			v.filter.pair(s[1 : len(s)-1])
		}
	}
	return f
}

// shortest finds a kind that needs no texts, and how many bytes it takes; else the kind is Texts, and there is no bound.
func (v *values) shortest(f *Field, all []string) (size int) {
	switch first := all[0]; {
	case first[0] == '-' || first[0]-'0' < 10:
		if width, ok := v.parse(f, all); ok {
			f.Kind, f.Codes.Width = Numbers, width
			return (len(all)*width + 7) / 8
		}
	case len(first) == 38 && first[9] == '-':
		if v.uuids(all) {
			f.Kind, f.Codes.Width = UUID, 128
			return len(all) * 16
		}
	case first[0] == '"' && len(first) > 2 && len(first) <= 66:
		if v.hexes(all, len(first)-2) {
			f.Kind, f.Scale, f.Codes.Width = Hex, len(first)-2, 4*(len(first)-2)
			return (len(all)*f.Codes.Width + 7) / 8
		}
	}
	return math.MaxInt
}

// first of a column's values: when nearly all of them differ, so do the others.
const first = 256

// distinct numbers the values; false when that takes as many bytes as the best way so far, or more, or will.
func (v *values) distinct(all []string, best int) bool {
	v.words.reset(first)
	v.codes = v.codes[:0]
	for i, s := range all {
		code, fresh := v.words.put(s)
		if fresh && v.words.bytes+len(v.words.texts) > best || i == first && len(v.words.texts) > first*7/8 {
			return false
		}
		v.codes = append(v.codes, code)
	}
	n := len(v.words.texts)
	return v.words.bytes+n+(len(all)*bits.Len(uint(n-1))+7)/8 < best
}

func (v *values) asWords(f *Field, n int) {
	texts := v.words.texts
	f.Kind, f.Scale, f.Values = Words, 0, joined(texts, Line)
	p := pack(uint64(len(texts)-1), n)
	for _, code := range v.codes {
		p.add(uint64(code))
	}
	f.Codes = p.codes()
	for _, s := range texts {
		v.filter.value(s)
	}
}

// parse reads numbers, all as if they had as many digits behind the point as the longest fraction, and finds the least
// of them and the width of the others above it.
func (v *values) parse(f *Field, all []string) (width int, ok bool) {
	v.numbers, v.decimals = v.numbers[:0], v.decimals[:0]
	scale := 0
	for _, s := range all {
		n, decimals, ok := decimal(s)
		if !ok {
			return 0, false
		}
		scale = max(scale, decimals)
		v.numbers, v.decimals = append(v.numbers, n), append(v.decimals, uint8(decimals))
	}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range v.numbers {
		n := v.numbers[i]
		if scale > 0 {
			by := tens[scale-int(v.decimals[i])]
			if n > largest/by || n < -largest/by {
				return 0, false
			}
			n *= by
			v.numbers[i] = n
		}
		low, high = min(low, n), max(high, n)
	}
	f.Base, f.Scale = low, scale
	width = bits.Len64(uint64(high - low))
	return width, width <= mostWidth
}

func (v *values) asNumbers(f *Field) {
	p := pack(0, 0)
	p.width, p.out = f.Codes.Width, make([]byte, 0, len(v.numbers)*f.Codes.Width/8+16)
	for _, n := range v.numbers {
		p.add(uint64(n - f.Base))
	}
	f.Codes = p.codes()
}

// uuids reads strings of 8-4-4-4-12 lower-case digits.
func (v *values) uuids(all []string) bool {
	v.digits = v.digits[:0]
	for _, s := range all {
		if len(s) != 38 || s[9] != '-' || s[14] != '-' || s[19] != '-' || s[24] != '-' {
			return false
		}
		for _, group := range [...]string{s[1:9], s[10:14], s[15:19], s[20:24], s[25:37]} {
			ok := false
			if v.digits, ok = unhex(v.digits, group); !ok {
				return false
			}
		}
	}
	return true
}

// hexes reads strings of n lower-case digits.
func (v *values) hexes(all []string, n int) bool {
	v.digits = v.digits[:0]
	odd, half := n%2 == 1, false // half: the last byte has but one digit
	for _, s := range all {
		if len(s) != n+2 || s[0] != '"' {
			return false
		}
		s = s[1 : n+1]
		if !odd {
			ok := false
			if v.digits, ok = unhex(v.digits, s); !ok {
				return false
			}
			continue
		}
		for i := range n {
			d := digit(s[i])
			if d > 15 {
				return false
			}
			if half {
				v.digits[len(v.digits)-1] |= d
			} else {
				v.digits = append(v.digits, d<<4)
			}
			half = !half
		}
	}
	return true
}
