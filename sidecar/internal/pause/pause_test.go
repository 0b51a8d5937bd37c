package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestUntil(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		woken  bool
		cancel time.Duration
		want   error
		took   time.Duration
	}{
		"to its end":    {false, time.Hour, nil, time.Minute},
		"woken":         {true, time.Hour, nil, 0},
		"the stop came": {false, time.Second, context.Canceled, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				early := make(chan struct{})
				if c.woken {
					close(early)
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer time.AfterFunc(c.cancel, cancel).Stop()
				began := time.Now()
				if err := Until(ctx, time.Minute, early); !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("it took %v, want %v", took, c.took)
				}
				cancel()
			})
		})
	}
}
