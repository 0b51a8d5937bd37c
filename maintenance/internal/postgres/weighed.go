package postgres

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// weighed is a cache by blocks' ids, bounded by the bytes of what is in it; what was asked for last stays longest. Safe
// for concurrent use.
type weighed[V any] struct {
	mu    sync.Mutex
	cache *simplelru.LRU[int64, V]
	size  func(V) int64
	bytes int64
	most  int64
}

// entry is what an entry takes besides its value, in bytes: an entry of a list and one of a map.
const entry = 160

func newWeighed[V any](most int64, size func(V) int64) *weighed[V] {
	w := &weighed[V]{size: size, most: most}
	cache, err := simplelru.NewLRU(math.MaxInt, func(_ int64, v V) { w.bytes -= size(v) + entry })
	if err != nil {
		panic(err) // the size is positive
	}
	w.cache = cache
	return w
}

// get is the value of the block, if it is there.
func (w *weighed[V]) get(id int64) (V, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cache.Get(id)
}

// has reports whether the block's value is there; it does not count as asked for.
func (w *weighed[V]) has(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cache.Contains(id)
}

// add takes in the value, which is never changed again, and drops what it leaves no room for. One that is there stays.
func (w *weighed[V]) add(id int64, v V) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cache.Contains(id) {
		return
	}
	w.cache.Add(id, v)
	for w.bytes += w.size(v) + entry; w.bytes > w.most && w.cache.Len() > 0; {
		w.cache.RemoveOldest()
	}
}
