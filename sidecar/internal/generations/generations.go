// Package generations is the cache that the sidecar remembers things in that can be had again: of two maps, the old one is
// forgotten when the young one is full.
package generations

import "sync"

// Cache makes the young map the old one when it is full, and what is used comes back from there. It holds twice its bound at
// most, and forgets what was used longest ago, roughly. The zero Cache is empty.
type Cache[K comparable, V any] struct{ young, old map[K]V }

// Get finds without keeping from being forgotten.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	v, ok := c.young[key]
	if !ok {
		v, ok = c.old[key]
	}
	return v, ok
}

// Put remembers.
func (c *Cache[K, V]) Put(key K, v V, bound int) {
	if c.young == nil || len(c.young) >= bound {
		c.young, c.old = make(map[K]V), c.young
	}
	c.young[key] = v
}

// Use is Get that keeps what it finds from being forgotten.
func (c *Cache[K, V]) Use(key K, bound int) (V, bool) {
	v, ok := c.young[key]
	if ok {
		return v, true
	}
	if v, ok = c.old[key]; ok {
		c.Put(key, v, bound)
	}
	return v, ok
}

// Shared is a Cache that is safe for concurrent use. Who finds what is in use waits for nobody but who adds.
type Shared[K comparable, V any] struct {
	mu    sync.RWMutex
	cache Cache[K, V]
}

// Put remembers.
func (s *Shared[K, V]) Put(key K, v V, bound int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache.Put(key, v, bound)
}

// Use finds, and keeps what it finds from being forgotten.
func (s *Shared[K, V]) Use(key K, bound int) (V, bool) {
	s.mu.RLock()
	v, ok := s.cache.young[key]
	s.mu.RUnlock()
	if ok {
		return v, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache.Use(key, bound)
}
