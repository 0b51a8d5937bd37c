// Package seed makes randomised tests repeatable: the seed is printed, and the same seed gives the same
// choices again.
//
//	SEED=1234 go test -run TestName ./…
package seed

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// variable holds the seed of a run that is to be repeated.
const variable = "SEED"

// New is a source of choices for this test: from the variable SEED, else a fresh one. The seed is logged
// as "SEED=n". Each call starts the same sequence anew, so that a test asks once. Not safe for concurrent
// use, like every rand.Rand: goroutines get one each by Derive.
func New(t testing.TB) *rand.Rand {
	t.Helper()
	n := rand.Uint64()
	if given := os.Getenv(variable); given != "" {
		var err error
		if n, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s=%q: want a number", variable, given)
		}
	}
	t.Logf("%s=%d", variable, n)
	return Of(n)
}

// Of is the source that belongs to a seed.
func Of(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, n^0x9e3779b97f4a7c15)) }

// Derive is a source for one goroutine, decided by its parent's state alone.
func Derive(r *rand.Rand) *rand.Rand { return Of(r.Uint64()) }

// Runs is how often a fault is repeated: a few times in `make test`, many in `make soak`.
func Runs(test, soak int) int {
	if os.Getenv("SIGNALBOX_SOAK") != "" {
		return soak
	}
	return test
}
