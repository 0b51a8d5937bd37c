package pg

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	keepFirst  = 100 * time.Millisecond
	keepMax    = 2 * time.Second
	keepLogAge = 10 * time.Second
)

// Keep calls Migrate until it succeeds or ctx ends (whose error it returns). The cause of a failure is
// logged at most once per 10 s, and is Ready's answer meanwhile.
func (d *DB) Keep(ctx context.Context, sets ...Migrations) error {
	var logged time.Time
	for wait := keepFirst; ; wait = min(2*wait, keepMax) {
		err := d.Migrate(ctx, sets...)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if now := time.Now(); now.Sub(logged) >= keepLogAge {
			logged = now
			d.settings.Logger.WarnContext(ctx, "database is not ready", slog.Any("err", err))
		}
		if err := pause.For(ctx, jitter(wait)); err != nil {
			return err
		}
	}
}
