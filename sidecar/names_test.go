package sidecar

import (
	"strings"
	"testing"
)

func TestNamesOfInstances(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"orders-1": true, "O.r-7": true, "7": true, "a-": true, "a..b": true, strings.Repeat("a", 63): true,
		"": false, "-orders": false, ".": false, "..": false, "or/ders": false, "or_ders": false, "or ders": false, "ordérs": false,
		"orders\n": false, strings.Repeat("a", 64): false,
	} {
		if got := namesInstance(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
