// Package pause waits in a way that the end of a context cuts short.
package pause

import (
	"context"
	"time"
)

// For waits for d. It returns ctx's error when that has ended.
func For(ctx context.Context, d time.Duration) error { return Until(ctx, d, nil) }

// Until is For that is over as well when something comes from early, or it is closed.
func Until(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err()
}
