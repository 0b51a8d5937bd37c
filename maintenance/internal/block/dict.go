package block

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"strings"
	"unsafe"
)

// dict numbers distinct texts in the order in which they appear: an open-addressed table with linear probing, at most
// half full. A text of up to sixteen bytes, as most words are, is its own key and needs no second look. Places depend on
// a seed that nobody knows, so that nobody can send texts that all fall into one.
type dict struct {
	slots []slot
	spare []slot // of the size before, or after
	shift int    // of a hash to its place
	texts []string
	bytes int // of all texts
	seed  maphash.Seed
	salt  uint64
}

type slot struct {
	key  key
	size uint32
	code uint32 // the number plus 1; 0: free
}

// key is up to sixteen bytes of text, with zeroes behind it, or the hash of a longer one.
type key struct{ low, high uint64 }

// reset empties the table; n is about how many texts are expected.
func (d *dict) reset(n int) {
	if d.salt == 0 {
		d.seed = maphash.MakeSeed()
		d.salt = maphash.String(d.seed, "") | 1
	}
	d.room(1 << bits.Len(uint(max(2*n, 64)-1)))
	clear(d.texts) // what they stand in is not kept alive
	d.texts, d.bytes = d.texts[:0], 0
}

// room is an empty table of that size, of memory that was used before unless it is too small, or far too large.
func (d *dict) room(size int) {
	d.slots, d.spare = d.spare, d.slots
	if cap(d.slots) < size || cap(d.slots) > 16*size {
		d.slots = make([]slot, size)
	} else {
		d.slots = d.slots[:size]
		clear(d.slots)
	}
	d.shift = 64 - bits.Len(uint(size-1))
}

// code is the text's number; a new text is kept as it is, not copied.
func (d *dict) code(text string) uint32 {
	code, _ := d.put(text)
	return code
}

func (d *dict) put(text string) (code uint32, fresh bool) {
	var k key
	switch {
	case len(text) <= 8:
		k.low = packed(text)
	case len(text) <= 16:
		k = key{packed(text[:8]), packed(text[8:])}
	default:
		k.low = maphash.String(d.seed, text)
	}
	return d.find(k, text)
}

// within is code of s[from:to], which is read at once where s goes on far enough behind it.
func (d *dict) within(s string, from, to int) uint32 {
	size := to - from
	if size > 16 || from+16 > len(s) {
		return d.code(s[from:to])
	}
	b := bytesOf(s)
	// A shift by 64 or more leaves nothing, or everything: there is no branch, which would be taken at random.
	k := key{binary.LittleEndian.Uint64(b[from:]), binary.LittleEndian.Uint64(b[from+8:])}
	k.low &= 1<<(8*uint(size)) - 1
	k.high &= 1<<(8*uint(max(size, 8)-8)) - 1
	code, _ := d.find(k, s[from:to])
	return code
}

func (d *dict) find(k key, text string) (code uint32, fresh bool) {
	mask := uint64(len(d.slots) - 1)
	for at := d.hash(k, len(text)) >> d.shift; ; at++ {
		s := &d.slots[at&mask]
		if s.code == 0 {
			return d.add(s, k, text), true
		}
		if s.key == k && s.size == uint32(len(text)) && (len(text) <= 16 || d.texts[s.code-1] == text) {
			return s.code - 1, false
		}
	}
}

func (d *dict) hash(k key, size int) uint64 { return fold128(k.low^d.salt, k.high^golden^uint64(size)) }

func (d *dict) add(s *slot, k key, text string) uint32 {
	d.texts = append(d.texts, text)
	d.bytes += len(text)
	*s = slot{k, uint32(len(text)), uint32(len(d.texts))}
	if 2*len(d.texts) > len(d.slots) {
		d.grow()
	}
	return uint32(len(d.texts) - 1)
}

func (d *dict) grow() {
	d.room(2 * len(d.slots))
	mask := uint64(len(d.slots) - 1)
	for _, s := range d.spare[:len(d.slots)/2] {
		if s.code == 0 {
			continue
		}
		at := d.hash(s.key, int(s.size)) >> d.shift
		for d.slots[at&mask].code != 0 {
			at++
		}
		d.slots[at&mask] = s
	}
}

// packed is a text of up to eight bytes as a number: two readings that overlap.
func packed(text string) uint64 {
	b, n := bytesOf(text), len(text)
	switch {
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))<<(8*(n-4))
	case n > 0:
		return uint64(b[0]) | uint64(b[n/2])<<(8*(n/2)) | uint64(b[n-1])<<(8*(n-1))
	}
	return 0
}

// joined is a list of the texts, which shares no memory with them.
func joined(texts []string, separator string) string {
	if len(texts) == 1 {
		return strings.Clone(texts[0])
	}
	return strings.Join(texts, separator)
}

// bytesOf is the text itself, which must not be written.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// textOf is the bytes themselves, which must not be written as long as the text is used.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
