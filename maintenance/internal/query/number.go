package query

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
)

// Number is a whole number of 64 bits, compared exactly, or any other float64.
type Number struct {
	Whole bool
	Int   int64   // when Whole
	Float float64 // always, rounded when Whole
}

// Integer is n as a Number.
func Integer(n int64) Number { return Number{true, n, float64(n)} }

// Decimal is f as a Number; one without a fraction is whole when it fits.
func Decimal(f float64) Number {
	if f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 {
		return Integer(int64(f))
	}
	return Number{Float: f}
}

// ParseNumber reads a decimal number with an optional fraction and exponent: 42, -1.5, 1e6. Not numbers: NaN,
// infinities, hexadecimals, and what float64 cannot hold.
func ParseNumber(text string) (Number, bool) {
	if text == "" || len(text) > 400 || strings.Trim(text, "0123456789+-.eE") != "" {
		return Number{}, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Integer(n), true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Number{}, false
	}
	return Decimal(f), true
}

// Compare is -1, 0 or 1 as n is less than, equal to or greater than m.
func (n Number) Compare(m Number) int {
	if n.Whole && m.Whole {
		return cmp.Compare(n.Int, m.Int)
	}
	if order := cmp.Compare(n.Float, m.Float); order != 0 || n.Whole == m.Whole {
		return order
	}
	if n.Whole { // the other is 1<<63 or more, and n was rounded up to it
		return -1
	}
	return 1
}

// String is the same for equal numbers and for no others.
func (n Number) String() string {
	if n.Whole {
		return strconv.FormatInt(n.Int, 10)
	}
	return strconv.FormatFloat(n.Float, 'g', -1, 64)
}

// ParseDuration reads what time.Duration.String writes and time.ParseDuration reads, with a unit: 1.5s, 2h45m, -3ms.
func ParseDuration(text string) (time.Duration, bool) {
	if text == "" || len(text) > 64 || text[len(text)-1] < 'h' { // units end in h, m or s
		return 0, false
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}
