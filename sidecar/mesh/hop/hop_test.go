package hop_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// FuzzEnter: what a caller says of its time is a whole number of milliseconds or nothing, never makes the time longer than it was or
// than an hour, and a mark of any kind is one.
func FuzzEnter(f *testing.F) {
	for _, s := range []string{"", "0", "1", "4999", "-1", "1e3", " 5", "18446744073709551615", "9223372036854775807", "3600001", "0x10", "१"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, timeout, attempt string) {
		outer, end := context.WithTimeout(context.Background(), 30*time.Minute)
		defer end()
		for _, ctx := range []context.Context{context.Background(), outer} {
			before, bounded := ctx.Deadline()
			now, cancel := hop.Enter(ctx, timeout, attempt)
			after, got := now.Deadline()
			ms, err := strconv.ParseInt(timeout, 10, 64)
			said := err == nil && ms > 0 && timeout[0] != '+'
			if got != (bounded || said) || bounded && after.After(before) || got && time.Until(after) > time.Hour {
				t.Errorf("%q: %v %v", timeout, after, got)
			}
			if hop.Again(now) != (attempt != "") || hop.Spent(now) {
				t.Errorf("%q: again %v", attempt, hop.Again(now))
			}
			hop.Spend(now)
			if !hop.Spent(now) || hop.Spent(ctx) {
				t.Error("what is spent is not noted, or beyond the call")
			}
			cancel()
		}
	})
}
