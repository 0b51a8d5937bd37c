package block

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"unsafe"
)

// dict numbers distinct texts in the order in which they appear: an open-addressed table with linear probing, at most
// half full. A text of up to eight bytes, as most words are, is its own key and needs no second look. Its keys are
// scattered by a seed that nobody knows, so that nobody can send texts that all fall into one place.
type dict struct {
	slots []slot
	shift int // of a hash to its place
	texts []string
	bytes int // of all texts
	seed  maphash.Seed
	salt  uint64
}

type slot struct {
	key  uint64 // the text itself, or its hash when it is longer than eight bytes
	size uint32
	code uint32 // the number plus 1; 0: free
}

// reset empties the table; n is about how many texts are expected.
func (d *dict) reset(n int) {
	if d.salt == 0 {
		d.seed = maphash.MakeSeed()
		d.salt = maphash.String(d.seed, "") | 1
	}
	size := 1 << bits.Len(uint(max(2*n, 64)-1))
	if cap(d.slots) < size || cap(d.slots) > 16*size {
		d.slots = make([]slot, size)
	} else {
		d.slots = d.slots[:size]
		clear(d.slots)
	}
	d.shift = 64 - bits.Len(uint(size-1))
	clear(d.texts) // what they stand in is not kept alive
	d.texts, d.bytes = d.texts[:0], 0
}

// code is the text's number; a new text is kept as it is, not copied.
func (d *dict) code(text string) uint32 {
	code, _ := d.put(text)
	return code
}

func (d *dict) put(text string) (code uint32, fresh bool) {
	var key, hash uint64
	short := len(text) <= 8
	if short {
		key = packed(text)
		hash = fold128(key^d.salt, golden^uint64(len(text)))
	} else {
		key = maphash.String(d.seed, text)
		hash = key
	}
	mask := uint64(len(d.slots) - 1)
	for at := hash >> d.shift; ; at++ {
		s := &d.slots[at&mask]
		if s.code == 0 {
			return d.add(s, key, text), true
		}
		if s.key == key && s.size == uint32(len(text)) && (short || d.texts[s.code-1] == text) {
			return s.code - 1, false
		}
	}
}

func (d *dict) add(s *slot, key uint64, text string) uint32 {
	d.texts = append(d.texts, text)
	d.bytes += len(text)
	*s = slot{key, uint32(len(text)), uint32(len(d.texts))}
	if 2*len(d.texts) > len(d.slots) {
		d.grow()
	}
	return uint32(len(d.texts) - 1)
}

func (d *dict) grow() {
	old := d.slots
	d.slots = make([]slot, 2*len(old))
	d.shift--
	mask := uint64(len(d.slots) - 1)
	for _, s := range old {
		if s.code == 0 {
			continue
		}
		hash := s.key
		if s.size <= 8 {
			hash = fold128(s.key^d.salt, golden^uint64(s.size))
		}
		at := hash >> d.shift
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

// bytesOf is the text itself, which must not be written.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// textOf is the bytes themselves, which must not be written as long as the text is used.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
