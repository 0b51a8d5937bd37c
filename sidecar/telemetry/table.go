package telemetry

import (
	"iter"
	"maps"
	"sync"
	"sync/atomic"
)

// Table remembers the children of metrics, and what else is few, by what they are looked up by on a hot path: finding one
// takes no lock and allocates nothing, where WithLabelValues does both. It only grows: what is a key is a label too, and as
// bounded. The zero Table is empty. Safe for concurrent use.
type Table[K comparable, V any] struct {
	mu  sync.Mutex // of whoever adds
	now atomic.Pointer[map[K]V]
}

// Of is the value of key, which make gives at the first call.
func (t *Table[K, V]) Of(key K, make func() V) V {
	if all := t.now.Load(); all != nil {
		if value, ok := (*all)[key]; ok {
			return value
		}
	}
	return t.add(key, make)
}

// add copies the table.
func (t *Table[K, V]) add(key K, make func() V) V {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[K]V{}
	if all := t.now.Load(); all != nil {
		if value, ok := (*all)[key]; ok {
			return value
		}
		maps.Copy(next, *all)
	}
	value := make()
	next[key] = value
	t.now.Store(&next)
	return value
}

// All that there is now, in no order.
func (t *Table[K, V]) All() iter.Seq2[K, V] {
	if all := t.now.Load(); all != nil {
		return maps.All(*all)
	}
	return func(func(K, V) bool) {}
}
