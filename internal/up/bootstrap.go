package up

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// bootstrapLimit is how long a PostgreSQL that exists already may keep us waiting.
const bootstrapLimit = 15 * time.Second

// bootstrapped tries again while the server cannot be reached or refuses us: it may be starting too. The error is the
// last cause, or that ctx ended.
func bootstrapped(ctx context.Context, adminURL string, all []pg.SchemaRoles) error {
	limited, cancel := context.WithTimeout(ctx, bootstrapLimit)
	defer cancel()
	var cause error
	for {
		err := pg.Bootstrap(limited, adminURL, database, all)
		if err == nil {
			return nil
		}
		if cause == nil || !over(limited) {
			cause = err
		}
		if limited.Err() == nil && !pg.IsUnavailable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), cause)
		case <-limited.Done():
			return cause
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// over says whether the time of ctx is up, or so nearly that what has just been broken off was by it.
func over(ctx context.Context) bool {
	end, bounded := ctx.Deadline()
	return ctx.Err() != nil || bounded && time.Until(end) < 100*time.Millisecond
}
