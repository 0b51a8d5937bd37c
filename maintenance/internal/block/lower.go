package block

import (
	"encoding/binary"
	"unsafe"
)

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
