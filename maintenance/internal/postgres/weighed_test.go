package postgres

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever is added and asked for, what is in the cache has no more bytes than it may, and these are counted right.
func TestACacheKeepsToItsBytes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most = 10_000
		w := newWeighed(most, func(v []byte) int64 { return int64(len(v)) })
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			id := rapid.Int64Range(1, 40).Draw(t, "id")
			if v, ok := w.get(id); ok != w.has(id) || ok && len(v) == 0 {
				t.Fatal("it has and has not", id)
			}
			size := rapid.IntRange(1, 3000).Draw(t, "size")
			if w.add(id, make([]byte, size)); !w.has(id) {
				t.Fatal("what was just added is gone", id, size)
			}
			sum := int64(0)
			for _, v := range w.cache.Values() {
				sum += int64(len(v)) + entry
			}
			if sum != w.bytes || sum > most {
				t.Fatalf("%d bytes are there, %d counted, %d allowed", sum, w.bytes, most)
			}
		}
		if w.add(1000, make([]byte, most)); w.has(1000) || w.bytes != 0 {
			t.Fatalf("what is larger than all is there: %d bytes", w.bytes)
		}
	})
}
