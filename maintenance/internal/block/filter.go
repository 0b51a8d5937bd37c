package block

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Filter is a Bloom filter (Bloom 1970) over what a block holds: the trigrams of the words of its messages, of its
// attributes and of their names; its pairs of attribute and value; and its traces. It is a power of two of bytes long,
// as few as what is in it needs. Nil is none, which denies nothing; nor does one of another length.
//
// What May… denies the block holds nowhere. Two things are in no filter, and never denied: words that are made of
// hexadecimal digits alone, and values that are numbers with a fraction or an exponent. Nobody looks for the latter as
// such, and the former would fill it with what is different in each record; by name and value they are found.
type Filter []byte

// Sizes of a filter, in bytes.
const (
	smallest  = 64
	MaxFilter = 32 << 10
)

// Bits that are set for a pair and for a trace. At most two in five of all bits are set, but in the largest filter:
// one pair in 40 that is not there is let in then, and one trace in 60 000. A trace is looked for in thousands of
// blocks, nearly all of which have never heard of it.
const (
	pairBits  = 4
	traceBits = 12
	fullest   = 0.4
)

func (f Filter) valid() bool { return len(f) >= smallest && len(f)&(len(f)-1) == 0 }

// fitted halves the filter, one half over the other, as long as that leaves enough bits unset.
func (f Filter) fitted() Filter {
	for len(f) > smallest {
		set := 0
		for i := 0; i < len(f); i += 8 {
			set += bits.OnesCount64(binary.LittleEndian.Uint64(f[i:]))
		}
		if part := float64(set) / float64(8*len(f)); part*(2-part) > fullest {
			break
		}
		half := len(f) / 2
		for i := 0; i < half; i += 8 {
			binary.LittleEndian.PutUint64(f[i:], binary.LittleEndian.Uint64(f[i:])|binary.LittleEndian.Uint64(f[half+i:]))
		}
		f = f[:half]
	}
	return f
}

// add sets n bits, which lie a step of the hash's other half apart (Kirsch and Mitzenmacher 2006).
func (f Filter) add(h uint64, n int) {
	mask, step := uint64(8*len(f)-1), h>>32|1
	for range n {
		f[h&mask>>3] |= 1 << (h & 7)
		h += step
	}
}

func (f Filter) may(h uint64, n int) bool {
	mask, step := uint64(8*len(f)-1), h>>32|1
	for range n {
		if f[h&mask>>3]&(1<<(h&7)) == 0 {
			return false
		}
		h += step
	}
	return true
}

const golden = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: Knuth's multiplicative hashing

// gram is where a trigram has both its bits: one word in memory. They find a little less than two would, and a question
// has many of them.
func (f Filter) gram(t uint32) (at, mask uint64) {
	h := uint64(t) * golden
	return h >> 40 & uint64(len(f)/8-1) << 3, 1<<(h>>34&63) | 1<<(h>>28&63)
}

// addText adds the trigrams of the text's words, folded.
func (f Filter) addText(text string) {
	eachWord(text, func(word string) bool {
		t := uint32(word[0])<<8 | uint32(word[1])
		for i := 2; i < len(word); i++ {
			t = (t<<8 | uint32(word[i])) & 0xffffff
			at, mask := f.gram(t)
			binary.LittleEndian.PutUint64(f[at:], binary.LittleEndian.Uint64(f[at:])|mask)
		}
		return true
	})
}

// MayText is false when no text of the block contains this one, whatever the case: both are folded as query.Fold does.
func (f Filter) MayText(text string) bool {
	if !f.valid() {
		return true
	}
	return eachWord(text, func(word string) bool {
		t := uint32(word[0])<<8 | uint32(word[1])
		for i := 2; i < len(word); i++ {
			t = (t<<8 | uint32(word[i])) & 0xffffff
			if at, mask := f.gram(t); binary.LittleEndian.Uint64(f[at:])&mask != mask {
				return false
			}
		}
		return true
	})
}

// eachWord gives fn the words of the folded text that a filter is asked about, until it says no.
func eachWord(text string, fn func(word string) bool) bool {
	text = folds(text)
	for i := 0; i < len(text); i++ {
		if !isWord(text[i]) {
			continue
		}
		from, digits := i, true
		for ; i < len(text) && isWord(text[i]); i++ {
			c := text[i]
			digits = digits && (c-'0' < 10 || c-'a' < 6)
		}
		if !digits && i-from >= 3 && !fn(text[from:i]) {
			return false
		}
	}
	return true
}

// folds is query.Fold, which need not do anything most of the time.
func folds(text string) string {
	for i := range len(text) {
		if c := text[i]; c-'A' < 26 || c >= utf8.RuneSelf {
			return query.Fold(text)
		}
	}
	return text
}

// addTrace adds a trace's 16 bytes; one of zeroes is none.
func (f Filter) addTrace(id []byte) {
	if h := traceHash(id); h != 0 {
		f.add(h, traceBits)
	}
}

// MayTrace is false when no record of the block belongs to the trace of these 16 bytes.
func (f Filter) MayTrace(id []byte) bool { return !f.valid() || f.may(traceHash(id), traceBits) }

func traceHash(id []byte) uint64 {
	a, b := binary.BigEndian.Uint64(id), binary.BigEndian.Uint64(id[8:])
	return mix(a ^ mix(b))
}

// addPair adds an attribute and one of its value's tokens; name is nameHash.
func (f Filter) addPair(name uint64, value string) { f.add(pairHash(name, value), pairBits) }

// MayPair is false when no record of the block has the attribute, by its name as query.Attr has it, with just this
// value. Groups, lists and null are not in the filter: do not ask for them.
func (f Filter) MayPair(name, value string) bool {
	return !f.valid() || fractional(value) || f.may(pairHash(nameHash(name), value), pairBits)
}

// fractional reports what may be a number that is written with a point or an exponent.
func fractional(value string) (found bool) {
	for i := range len(value) {
		switch c := value[i]; {
		case c == '.' || c|0x20 == 'e':
			found = true
		case c-'0' >= 10 && c != '-' && c != '+':
			return false
		}
	}
	return found
}

func nameHash(name string) uint64 { return chunks(uint64(len(name)), name) }

func pairHash(name uint64, value string) uint64 { return mix(chunks(name+uint64(len(value)), value)) }

// chunks mixes the text into h, eight bytes at a time.
func chunks(h uint64, s string) uint64 {
	for ; len(s) >= 8; s = s[8:] {
		h = fold128(h^golden, binary.LittleEndian.Uint64(bytesOf(s))^0xe7037ed1a0b428db)
	}
	return fold128(h^golden, packed(s)^0x8ebc6af09c88c6e3)
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
