package block

import (
	"encoding/binary"
	"math/bits"
)

const (
	highs = 0x8080808080808080
	ones  = 0x0101010101010101
)

// wordBytes are the high bits of those of eight bytes that a word is made of: ASCII letters and digits, _, and
// whatever is beyond ASCII.
func wordBytes(x uint64) uint64 {
	low := x &^ highs
	lower := low | 0x20*ones
	letter := (lower + (0x80-'a')*ones) &^ (lower + (0x7f-'z')*ones)
	digit := (low + (0x80-'0')*ones) &^ (low + (0x7f-'9')*ones)
	line := ^((low ^ '_'*ones) + 0x7f*ones)
	return (letter | digit | line | x) & highs
}

// isWord says the same of one byte.
func isWord(c byte) bool {
	return c|0x20-'a' < 26 && c < 0x80 || c-'0' < 10 || c == '_' || c >= 0x80
}

// cuts appends where a message's tokens end, but for the last one. A token is a run of word bytes with the run of
// others behind it; a message that begins with others has a token of its own for them. So a word lies within one
// token, as a whole, and so does what stands between two.
func cuts(to []int32, s string) []int32 {
	b := bytesOf(s)
	before := uint64(1) // the message's beginning is no cut
	for base := 0; base < len(b); base += 64 {
		var word uint64 // a bit a byte
		part := b[base:min(base+64, len(b))]
		i := 0
		for ; i+8 <= len(part); i += 8 {
			word |= wordBytes(binary.LittleEndian.Uint64(part[i:])) >> 7 * 0x0102040810204080 >> 56 << i
		}
		if i < len(part) {
			word |= wordBytes(packed(textOf(part[i:]))) >> 7 * 0x0102040810204080 >> 56 << i
		}
		for starts := word &^ (word<<1 | before); starts != 0; starts &= starts - 1 {
			to = append(to, int32(base+bits.TrailingZeros64(starts)))
		}
		before = word >> 63
	}
	return to
}

// mostWords of a block are numbered; of what comes beyond, whole messages are.
const mostWords = 1 << 16

// often is how many times a message must come to be a piece of its own, instead of its words.
const often = 4

// messages of a block while it is made: each distinct one is taken apart once.
type messages struct {
	whole dict     // messages
	of    []uint32 // the message of each record
	count []int32  // records of each message
	words dict
	cuts  []int32
	codes []uint32 // of all distinct messages
	ends  []int32  // where each message's codes end
}

func (m *messages) reset(n int) {
	m.whole.reset(n)
	m.words.reset(n / 2)
	m.of, m.count, m.codes, m.ends = m.of[:0], m.count[:0], m.codes[:0], m.ends[:0]
}

// add takes the next record's message.
func (m *messages) add(msg string) {
	code, fresh := m.whole.put(msg)
	if fresh {
		m.count = append(m.count, 0)
	}
	m.count[code]++
	m.of = append(m.of, code)
}

// finish makes the columns.
func (m *messages) finish() (words string, codes Codes) {
	total := len(m.of)
	for i, msg := range m.whole.texts {
		from := len(m.codes)
		m.take(msg, m.count[i])
		m.ends = append(m.ends, int32(len(m.codes)))
		total += (len(m.codes) - from) * int(m.count[i])
	}
	p := pack(uint64(len(m.words.texts)), total)
	for _, msg := range m.of {
		from := int32(0)
		if msg > 0 {
			from = m.ends[msg-1]
		}
		for _, code := range m.codes[from:m.ends[msg]] {
			p.add(uint64(code))
		}
		p.add(0)
	}
	return joined(m.words.texts, Unit), p.codes()
}

// take appends the codes of a message that comes so often.
func (m *messages) take(msg string, count int32) {
	if msg == "" {
		return
	}
	if count >= often || len(m.words.texts) >= mostWords {
		m.codes = append(m.codes, m.words.code(msg)+1)
		return
	}
	from := int32(0)
	m.cuts = cuts(m.cuts[:0], msg)
	for _, end := range m.cuts {
		m.codes = append(m.codes, m.words.within(msg, int(from), int(end))+1)
		from = end
	}
	m.codes = append(m.codes, m.words.code(msg[from:])+1)
}
