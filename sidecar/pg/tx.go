package pg

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const maxTries = 4 // the first and three more

// InTx runs fn in a transaction; serialization failures and deadlocks are retried up to 3 times, as is
// a transaction that could not begin because its connection was dead. fn must therefore have no
// effect outside tx. Its error rolls back.
func (d *DB) InTx(ctx context.Context, fn func(tx Tx) error) error {
	return again(ctx, func() (began bool, err error) {
		err = pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
			began = true
			return fn(tx)
		})
		return began, err
	})
}

// again does a transaction until it works, or is not worth another try.
func again(ctx context.Context, once func() (began bool, err error)) error {
	for try := 1; ; try++ {
		began, err := once()
		if err == nil || try == maxTries || !worthRetry(err, began) {
			return err
		}
		if ctxErr := pause.For(ctx, jitter(time.Duration(try)*20*time.Millisecond)); ctxErr != nil {
			return fmt.Errorf("%w (while waiting to retry: %w)", ctxErr, err)
		}
	}
}

func worthRetry(err error, began bool) bool {
	if hasCode(err, "40001", "40P01") {
		return true
	}
	var refused *pgconn.ConnectError
	return !began && !errors.As(err, &refused) && IsUnavailable(err)
}

// jitter is between half of d and one and a half of it, so that equals do not meet again.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d+1)
}

// pauseUntil waits for done, at most d; false when it did not come.
func pauseUntil(done <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
