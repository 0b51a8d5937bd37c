package block

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// valueAt is where the scalar or the list ends that begins at from; false if there is none, or one that jsonb refuses.
func valueAt(s string, from int) (end int, ok bool) {
	if from >= len(s) {
		return 0, false
	}
	switch c := s[from]; {
	case c == '"':
		if end, plain := plainString(s, from+1); plain {
			return end, true
		}
	case '1' <= c && c <= '9':
		if end, plain := plainNumber(s, from+1); plain {
			return end, true
		}
	case c == '{' || c == ' ':
		return 0, false
	}
	w := walker{in: bytesOf(s), at: from, fn: func([]byte, []byte, query.ValueKind) {}}
	ok = w.value(1)
	return w.at, ok
}

// plainString finds the closing quote of a string without a backslash.
func plainString(s string, at int) (end int, ok bool) {
	b := bytesOf(s)
	for ; at+8 <= len(b); at += 8 {
		x := binary.LittleEndian.Uint64(b[at:])
		quote, slash := x^'"'*ones, x^'\\'*ones
		// Bytes that are zero, and control characters; what stands above the lowest that was found may be wrong.
		found := ((quote-ones)&^quote | (slash-ones)&^slash | (x-' '*ones)&^x) & highs
		if found != 0 {
			at += bits.TrailingZeros64(found) / 8
			return at + 1, b[at] == '"'
		}
	}
	for ; at < len(b); at++ {
		if c := b[at]; c == '"' {
			return at + 1, true
		} else if c == '\\' || c < ' ' {
			break
		}
	}
	return 0, false
}

// plainNumber finds the end of digits, perhaps with a point and more of them.
func plainNumber(s string, at int) (end int, ok bool) {
	from := at
	for at < len(s) && s[at]-'0' < 10 {
		at++
	}
	if at+1 < len(s) && s[at] == '.' && s[at+1]-'0' < 10 {
		for at++; at < len(s) && s[at]-'0' < 10; at++ {
		}
	}
	return at, at-from < longest && (at == len(s) || s[at] != '.' && s[at]|0x20 != 'e')
}

// unhex reads n lower-case hexadecimal digits, n even; false if there are others.
func unhex(to []byte, s string) ([]byte, bool) {
	for ; len(s) >= 8; s = s[8:] {
		x, ok := eightDigits(binary.LittleEndian.Uint64(bytesOf(s)))
		if !ok {
			return to, false
		}
		to = binary.BigEndian.AppendUint32(to, x)
	}
	for ; len(s) >= 2; s = s[2:] {
		a, b := digit(s[0]), digit(s[1])
		if a|b > 15 {
			return to, false
		}
		to = append(to, a<<4|b)
	}
	return to, len(s) == 0
}

// digit is more than 15 for what is none.
func digit(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c-'a' < 6:
		return c - 'a' + 10
	}
	return 255
}

// eightDigits reads eight bytes of text at once.
func eightDigits(x uint64) (uint32, bool) {
	number := (x + (0x80-'0')*ones) &^ (x + (0x7f-'9')*ones)
	letter := (x + (0x80-'a')*ones) &^ (x + (0x7f-'f')*ones)
	if (number|letter)&^x&highs != highs || x&highs != 0 {
		return 0, false
	}
	x = bits.ReverseBytes64(x&(0x0f*ones) + x>>6&ones*9)
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16), true
}

// printable reports that the text is ASCII without control characters, as most are.
func printable(s string) bool {
	b, i := bytesOf(s), 0
	for ; i+8 <= len(b); i += 8 {
		if x := binary.LittleEndian.Uint64(b[i:]); (x|(x-' '*ones))&highs != 0 {
			return false
		}
	}
	for ; i < len(b); i++ {
		if b[i]-' ' >= 0x80-' ' {
			return false
		}
	}
	return true
}

// halfPair reports whether the text has an escape of a surrogate: a whole pair says the same as its character, and
// nobody who writes a replacement character beside it needs one.
func halfPair(raw []byte) bool {
	lower := bytes.ToLower(raw)
	return bytes.Contains(lower, []byte(`\ud8`)) || bytes.Contains(lower, []byte(`\ud9`)) || bytes.Contains(lower, []byte(`\uda`)) ||
		bytes.Contains(lower, []byte(`\udb`)) || bytes.Contains(lower, []byte(`\udc`)) || bytes.Contains(lower, []byte(`\udd`)) ||
		bytes.Contains(lower, []byte(`\ude`)) || bytes.Contains(lower, []byte(`\udf`))
}
