package telemetry

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Table remembers the children of metrics by what they are looked up by on a hot path: finding one takes no lock and
// allocates nothing, where WithLabelValues does both. It only grows: what is a key is a label too, and as bounded. The zero
// Table is empty. Safe for concurrent use.
type Table[K comparable, V any] struct {
	mu  sync.Mutex // of whoever adds
	now atomic.Pointer[map[K]V]
}

// Find is the value of key; false: nobody has added one.
func (t *Table[K, V]) Find(key K) (value V, ok bool) {
	if all := t.now.Load(); all != nil {
		value, ok = (*all)[key]
	}
	return value, ok
}

// Add makes value that of key, and returns it. It copies the table.
func (t *Table[K, V]) Add(key K, value V) V {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[K]V{}
	if all := t.now.Load(); all != nil {
		maps.Copy(next, *all)
	}
	next[key] = value
	t.now.Store(&next)
	return value
}
