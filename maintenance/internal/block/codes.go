package block

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"
)

// Codes are unsigned numbers of one width, packed one behind the other, the highest bit of each first. In the database
// it is a bit varying, whose number i (from 0 on) is substring(bits FROM i*width+1 FOR width)::bigint.
type Codes struct {
	Width int // bits a number; with 0 all are zero, and there are no bytes
	Len   int // how many there are; 0 with a width of 0
	Bytes []byte
}

// widest number that At gives. Fields of hexadecimal digits have wider ones, which are read as bytes.
const widest = 62

var errCodes = errors.New("a column of codes has another length")

// CodesOf reads a bit varying of n numbers.
func CodesOf(n, bitLen int, raw []byte) (Codes, error) {
	if n <= 0 || bitLen < 0 || bitLen%n != 0 {
		return Codes{}, errCodes
	}
	return CodesWide(bitLen/n, bitLen, raw)
}

// CodesWide reads a bit varying of numbers of that width.
func CodesWide(width, bitLen int, raw []byte) (Codes, error) {
	if width < 0 || bitLen < 0 || (bitLen+7)/8 != len(raw) || width == 0 && bitLen > 0 || width > 0 && bitLen%width != 0 {
		return Codes{}, errCodes
	}
	if width == 0 {
		return Codes{}, nil
	}
	return Codes{width, bitLen / width, raw}, nil
}

// Bits is how many there are.
func (c Codes) Bits() int { return c.Width * c.Len }

// At is number i; 0 beyond the end.
func (c Codes) At(i int) uint64 {
	if uint(i) >= uint(c.Len) || c.Width > widest {
		return 0
	}
	at := i * c.Width
	from, skip := at>>3, at&7
	if from+9 <= len(c.Bytes) {
		x := binary.BigEndian.Uint64(c.Bytes[from:])<<skip | uint64(c.Bytes[from+8])>>(8-skip)
		return x >> (64 - c.Width)
	}
	return c.slow(at)
}

// slow reads bit by bit, near the end.
func (c Codes) slow(at int) (x uint64) {
	for end := at + c.Width; at < end; at++ {
		x <<= 1
		if at>>3 < len(c.Bytes) {
			x |= uint64(c.Bytes[at>>3]) >> (7 - at&7) & 1
		}
	}
	return x
}

// unpack appends all numbers, or n zeroes when they have no width. It is for widths up to 32: a wider one gives zeroes.
func (c Codes) unpack(to []uint32, n int) []uint32 {
	if c.Width > 0 {
		n = c.Len
	}
	at := len(to)
	to = slices.Grow(to, n)[:at+n] // what is there is overwritten
	out := to[at:]
	if c.Width == 0 || c.Width > 32 {
		clear(out)
		return to
	}
	i, bit, width, shift := 0, 0, c.Width, 64-c.Width
	if whole := len(c.Bytes) - 8; whole >= 0 { // a width of 32 and 7 bits before it fit into eight bytes
		for fast := min(n, whole*8/width+1); i < fast; i++ {
			out[i] = uint32(binary.BigEndian.Uint64(c.Bytes[bit>>3:]) << (bit & 7) >> (shift & 63))
			bit += width
		}
	}
	for ; i < n; i++ {
		out[i] = uint32(c.At(i))
	}
	return to
}

// scan calls fn with those numbers that are of some kind, until it says no: without unpacking the others, which are
// nearly all. It is for widths up to 32.
func (c Codes) scan(kinds []uint8, fn func(at int, kind uint8) bool) {
	i, bit, shift := 0, 0, 64-c.Width
	if whole := len(c.Bytes) - 8; whole >= 0 && c.Width > 0 && c.Width <= 32 {
		for fast := min(c.Len, whole*8/c.Width+1); i < fast; i++ {
			code := binary.BigEndian.Uint64(c.Bytes[bit>>3:]) << (bit & 7) >> (shift & 63)
			bit += c.Width
			if code < uint64(len(kinds)) && kinds[code] != 0 && !fn(i, kinds[code]) {
				return
			}
		}
	}
	for ; i < c.Len; i++ {
		if code := c.At(i); code < uint64(len(kinds)) && kinds[code] != 0 && !fn(i, kinds[code]) {
			return
		}
	}
}

// packer writes codes.
type packer struct {
	out   []byte
	acc   uint64 // bits that wait, the latest lowest
	fill  int    // how many
	width int
	n     int
}

// pack starts codes of numbers up to most; n is about how many there will be.
func pack(most uint64, n int) packer {
	width := bits.Len64(most)
	return packer{width: width, out: make([]byte, 0, (n*width+7)/8+8)}
}

func (p *packer) add(x uint64) {
	p.n++
	if p.fill+p.width > 64 {
		p.flush()
	}
	p.acc = p.acc<<p.width | x
	p.fill += p.width
}

// flush leaves less than eight bits waiting.
func (p *packer) flush() {
	for p.fill >= 8 {
		p.fill -= 8
		p.out = append(p.out, byte(p.acc>>p.fill))
	}
}

func (p *packer) codes() Codes {
	if p.width == 0 {
		return Codes{}
	}
	p.flush()
	if p.fill > 0 {
		p.out = append(p.out, byte(p.acc<<(8-p.fill)))
		p.fill = 0
	}
	return Codes{p.width, p.n, p.out}
}

// packAll packs codes into a list of n.
func packAll(all []uint32, n int) Codes {
	p := pack(uint64(max(n, 1)-1), len(all))
	for _, x := range all {
		p.add(uint64(x))
	}
	return p.codes()
}
