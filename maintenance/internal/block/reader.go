package block

import "encoding/hex"

// reader reads a field's values.
type reader struct {
	*Field
	texts   []string // of Texts and Words
	records []int32  // see decoded.records
}

// list are the texts of Texts and Words.
func (r *reader) list() []string { return list(&r.texts, r.Values, Line) }

// append writes value i as JSON; null for one that is missing.
func (r *reader) append(to []byte, i int) []byte {
	switch r.Kind {
	case Numbers:
		return r.appendPlain(to, i)
	case Hex, UUID:
		to = append(to, '"')
		return append(r.appendPlain(to, i), '"')
	}
	if text := r.text(i); text != "" {
		return append(to, text...)
	}
	return append(to, "null"...)
}

// appendPlain writes value i of Numbers, Hex or UUID, without quotes.
func (r *reader) appendPlain(to []byte, i int) []byte {
	switch size := r.Codes.Width / 8; {
	case r.Kind == Numbers:
		return appendDecimal(to, r.number(i), r.Scale)
	case r.Codes.Width%8 == 0:
		return r.appendBytes(to, ofSize(r.Codes.Bytes, uint64(i), size))
	}
	return r.appendDigits(to, i)
}

// appendBytes writes the digits of a value.
func (r *reader) appendBytes(to, b []byte) []byte {
	if r.Kind != UUID || len(b) != 16 {
		return hex.AppendEncode(to, b)
	}
	to = append(hex.AppendEncode(to, b[:4]), '-')
	to = append(hex.AppendEncode(to, b[4:6]), '-')
	to = append(hex.AppendEncode(to, b[6:8]), '-')
	to = append(hex.AppendEncode(to, b[8:10]), '-')
	return hex.AppendEncode(to, b[10:])
}

// text is value i of Texts and Words, as JSON; "" for one that is missing.
func (r *reader) text(i int) string {
	if r.Kind == Words {
		return entry(r.list(), r.Codes.At(i))
	}
	return entry(r.list(), uint64(i))
}

// number is value i of Numbers, times 10^Scale.
func (r *reader) number(i int) int64 { return r.Base + int64(r.Codes.At(i)) }

const hexDigits = "0123456789abcdef"

// appendDigits writes value i of Hex, whose digits are an odd number.
func (r *reader) appendDigits(to []byte, i int) []byte {
	n := r.Codes.Width / 4
	for at := i * n; at < (i+1)*n; at++ {
		var c byte
		if at/2 < len(r.Codes.Bytes) {
			c = r.Codes.Bytes[at/2] >> (4 * (1 - at&1))
		}
		to = append(to, hexDigits[c&15])
	}
	return to
}
