package wait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntilPollsAndGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		if err := Until(t.Context(), func() bool { looks++; return looks == 3 }); err != nil || looks != 3 {
			t.Fatalf("looked %d times, error %v", looks, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := Until(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("want the deadline's error, got %v", err)
		}
	})
}
