package generations

import (
	"strings"
	"sync"
	"testing"
)

func TestItIsBounded(t *testing.T) {
	t.Parallel()
	var g Cache[string, int]
	for i := range 100 {
		g.Put(strings.Repeat("x", i), i, 10)
		if _, ok := g.Use("", 10); !ok {
			t.Fatalf("what is used was forgotten after %d", i)
		}
	}
	if n := len(g.young) + len(g.old); n > 20 {
		t.Errorf("%d entries", n)
	}
}

func TestManyShareOne(t *testing.T) {
	t.Parallel()
	var s Shared[int, int]
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 10_000 {
				key := i % 30
				if v, ok := s.Use(key, 10); !ok {
					s.Put(key, key, 10)
				} else if v != key {
					t.Errorf("%d is %d", key, v)
				}
			}
		})
	}
	all.Wait()
	if n := len(s.cache.young) + len(s.cache.old); n > 20 {
		t.Errorf("%d entries", n)
	}
}
