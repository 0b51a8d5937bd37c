package seed

import (
	"slices"
	"testing"
)

// H-3: the same seed gives the same schedule, derived sources included, 100 times of 100.
func TestH3_SameSeedSameChoices(t *testing.T) {
	t.Parallel()
	schedule := func(n uint64) []int {
		var all []int
		r := Of(n)
		for range 3 {
			d := Derive(r)
			for range 50 {
				all = append(all, r.IntN(1000), d.IntN(1000))
			}
		}
		return all
	}
	for n := range uint64(100) {
		if !slices.Equal(schedule(n), schedule(n)) {
			t.Fatalf("seed %d gave two schedules", n)
		}
	}
	if slices.Equal(schedule(1), schedule(2)) {
		t.Error("two seeds gave one schedule")
	}
}

func TestSeedIsTaken(t *testing.T) {
	t.Setenv(variable, "42")
	if New(t).Uint64() != Of(42).Uint64() {
		t.Error("the given seed was not used")
	}
}
