// Package wait lets a test wait for something without sleeping: it polls against a deadline.
package wait

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// pause between two looks: short enough not to be felt, long enough not to burn a core.
const pause = 5 * time.Millisecond

// For polls until ok, and fails the test when the limit has passed. what completes "waited for …".
func For(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if Until(ctx, ok) != nil {
		t.Fatalf("waited %v for %s", limit, what)
	}
}

// Until polls until ok or the end of ctx, whose cause it returns.
func Until(ctx context.Context, ok func() bool) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait: %w", context.Cause(ctx))
		case <-timer.C:
		}
		if ok() {
			return nil
		}
		timer.Reset(pause)
	}
}
