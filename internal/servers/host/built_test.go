package host

import (
	"slices"
	"testing"
)

func TestTheNewestIsTaken(t *testing.T) {
	t.Parallel()
	ordered := []string{"/b/jaeger-vdevel", "/b/jaeger-v1.9.0-go1.26.8-linux-amd64", "/b/jaeger-v1.65.0-go1.9.1-linux-amd64", "/b/jaeger-v1.65.0-go1.26.8-linux-amd64",
		"/b/jaeger-v1.65.1-go1.26.8-linux-amd64", "/b/jaeger-v1.101.0-go1.26.8-linux-amd64", "/b/jaeger-v2.1.0-go1.26.8-linux-amd64"}
	for i := range ordered {
		for _, before := range ordered[:i] {
			if some := []string{ordered[i], before}; slices.MaxFunc(some, byVersion) != ordered[i] || byVersion(before, ordered[i]) >= 0 {
				t.Errorf("%s does not come before %s", before, ordered[i])
			}
		}
	}
}
