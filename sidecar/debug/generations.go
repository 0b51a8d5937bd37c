package debug

// generations is a cache of two maps: when the young one is full it becomes the old one, and what is used comes back
// from there. It holds twice its bound at most, and forgets what was used longest ago, roughly.
type generations[K comparable, V any] struct{ young, old map[K]V }

func (g *generations[K, V]) get(key K) (V, bool) {
	v, ok := g.young[key]
	if !ok {
		v, ok = g.old[key]
	}
	return v, ok
}

func (g *generations[K, V]) put(key K, v V, bound int) {
	if g.young == nil || len(g.young) >= bound {
		g.young, g.old = make(map[K]V), g.young
	}
	g.young[key] = v
}

// use is get that keeps what it finds from being forgotten.
func (g *generations[K, V]) use(key K, bound int) (V, bool) {
	v, ok := g.young[key]
	if ok {
		return v, true
	}
	if v, ok = g.old[key]; ok {
		g.put(key, v, bound)
	}
	return v, ok
}
