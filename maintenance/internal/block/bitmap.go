package block

import (
	"iter"
	"math/bits"
)

// Bitmap is a set of a block's records.
type Bitmap []uint64

// NewBitmap has room for n records and none of them.
func NewBitmap(n int) Bitmap { return make(Bitmap, (n+63)/64) }

// Full has all of n records.
func Full(n int) Bitmap {
	m := NewBitmap(n)
	for i := range m {
		m[i] = ^uint64(0)
	}
	if rest := n % 64; rest > 0 {
		m[len(m)-1] = 1<<rest - 1
	}
	return m
}

// Set takes record i in.
func (m Bitmap) Set(i int) { m[i/64] |= 1 << (i % 64) }

// Has reports whether record i is in.
func (m Bitmap) Has(i int) bool { return m[i/64]&(1<<(i%64)) != 0 }

// Count is how many are in.
func (m Bitmap) Count() (n int) {
	for _, word := range m {
		n += bits.OnesCount64(word)
	}
	return n
}

// Empty reports whether none is in.
func (m Bitmap) Empty() bool {
	for _, word := range m {
		if word != 0 {
			return false
		}
	}
	return true
}

// All are those in, ascending.
func (m Bitmap) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for at, word := range m {
			for ; word != 0; word &= word - 1 {
				if !yield(at*64 + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// setRange takes in the records from from to before to.
func (m Bitmap) setRange(from, to int) {
	for i := from; i < to; i++ {
		if i%64 == 0 && i+64 <= to {
			m[i/64] = ^uint64(0)
			i += 63
			continue
		}
		m.Set(i)
	}
}

func (m Bitmap) and(o Bitmap) Bitmap {
	for i := range m {
		m[i] &= o[i]
	}
	return m
}

func (m Bitmap) or(o Bitmap) Bitmap {
	for i := range m {
		m[i] |= o[i]
	}
	return m
}

func (m Bitmap) without(o Bitmap) Bitmap {
	for i := range m {
		m[i] &^= o[i]
	}
	return m
}

func (m Bitmap) clone() Bitmap { return append(Bitmap(nil), m...) }

// Clear takes out the records from from to before to.
func (m Bitmap) Clear(from, to int) {
	for i := from; i < to; i++ {
		m[i/64] &^= 1 << (i % 64)
	}
}
