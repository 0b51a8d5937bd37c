package block

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// FilterBits of a Filter: 32 KiB, 8 bytes a record in a full block.
const FilterBits = 1 << 18

// Filter is a Bloom filter (Bloom 1970) over what a block holds: the trigrams of its messages and attributes, its
// traces, and its pairs of attribute and value, two bits each. Filters of one size are joined by a bitwise or, which
// PostgreSQL can do. In the database it is a bit(262144), bit 0 first. The zero value is empty.
//
// Add… and May… of equal arguments agree: false means that the block holds it nowhere.
type Filter [FilterBits / 8]byte

func (f *Filter) set(bit uint64)      { f[bit>>3] |= 0x80 >> (bit & 7) }
func (f *Filter) has(bit uint64) bool { return f[bit>>3]&(0x80>>(bit&7)) != 0 }

// places of a hash: its upper bits, which a multiplication mixes best.
func places(h uint64) (a, b uint64) { return h >> 46, h >> 28 & (FilterBits - 1) }

func (f *Filter) add(h uint64) {
	a, b := places(h)
	f.set(a)
	f.set(b)
}

func (f *Filter) may(h uint64) bool {
	a, b := places(h)
	return f.has(a) && f.has(b)
}

// Join takes in what o holds.
func (f *Filter) Join(o *Filter) {
	for i := range f {
		f[i] |= o[i]
	}
}

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: Knuth's multiplicative hashing

// AddText adds the trigrams of the text, folded.
func (f *Filter) AddText(text string) { addTrigrams(f, text) }

// word is where a trigram has both its bits: one place in memory. They find a little less than two would, and a question
// has many of them.
func word(h uint64) (at, mask uint64) {
	return h >> 52 << 3, 1<<(h>>46&63) | 1<<(h>>40&63)
}

func (f *Filter) addWord(h uint64) {
	at, mask := word(h)
	binary.LittleEndian.PutUint64(f[at:at+8], binary.LittleEndian.Uint64(f[at:at+8])|mask)
}

// addTrigrams is the costliest step of building a block: hence without calls.
func addTrigrams[T string | []byte](f *Filter, text T) {
	var t uint32
	for i := range len(text) {
		c := text[i]
		if c >= utf8.RuneSelf {
			trigramsOf(query.Fold(string(text)), f.addWord)
			return
		}
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		if t = (t<<8 | uint32(c)) & 0xffffff; i < 2 {
			continue
		}
		at, mask := word(uint64(t) * golden)
		binary.LittleEndian.PutUint64(f[at:at+8], binary.LittleEndian.Uint64(f[at:at+8])|mask)
	}
}

// MayText is false when no text of the block contains this one, whatever the case. Both are folded as query.Fold does.
// A text of less than three bytes may always be there.
func (f *Filter) MayText(text string) bool {
	found := true
	trigrams(text, func(h uint64) {
		at, mask := word(h)
		found = found && binary.LittleEndian.Uint64(f[at:])&mask == mask
	})
	return found
}

// trigrams of the bytes of the folded text.
func trigrams(text string, fn func(hash uint64)) {
	var t uint32
	for i := range len(text) {
		c := text[i]
		if c >= utf8.RuneSelf {
			trigramsOf(query.Fold(text), fn)
			return
		}
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		if t = (t<<8 | uint32(c)) & 0xffffff; i >= 2 {
			fn(uint64(t) * golden)
		}
	}
}

func trigramsOf(folded string, fn func(hash uint64)) {
	for i := 2; i < len(folded); i++ {
		fn(uint64(uint32(folded[i-2])<<16|uint32(folded[i-1])<<8|uint32(folded[i])) * golden)
	}
}

// AddTrace adds a trace's 16 bytes; one of zeroes is none. It sets six bits: a trace is looked for in all blocks of a
// day, nearly all of which have never heard of it.
func (f *Filter) AddTrace(id []byte) {
	if h := traceHash(id); h != 0 {
		for range 3 {
			f.add(h)
			h = mix(h + golden)
		}
	}
}

// MayTrace is false when no record of the block belongs to the trace of these 16 bytes.
func (f *Filter) MayTrace(id []byte) bool {
	h := traceHash(id)
	for range 3 {
		if !f.may(h) {
			return false
		}
		h = mix(h + golden)
	}
	return true
}

func traceHash(id []byte) uint64 {
	a, b := binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:])
	return mix(a ^ mix(b))
}

// AddPair adds an attribute and its value: the name as query.Attr has it, and one of the value's tokens.
func (f *Filter) AddPair(key, value string) { f.addPair([]byte(key), []byte(value)) }

func (f *Filter) addPair(key, value []byte) { f.add(pairHash(key, value)) }

// MayPair is false when no record of the block has the attribute with just this value. Groups, lists and null are
// not in the filter: do not ask for them.
func (f *Filter) MayPair(key, value string) bool { return f.may(pairHash([]byte(key), []byte(value))) }

// pairHash takes eight bytes at a time; the lengths keep key and value apart.
func pairHash(key, value []byte) uint64 {
	return mix(chunks(chunks(uint64(len(key))<<32|uint64(len(value)), key), value))
}

// chunks mixes the bytes into h.
func chunks(h uint64, b []byte) uint64 {
	for ; len(b) >= 8; b = b[8:] {
		h = fold128(h^golden, binary.LittleEndian.Uint64(b)^0xe7037ed1a0b428db)
	}
	var last uint64
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	return fold128(h^golden, last^0x8ebc6af09c88c6e3)
}

// fold128 is the wide product, one half over the other.
func fold128(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

// mix spreads all bits over all (the finalizer of MurmurHash3); 0 stays 0.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
