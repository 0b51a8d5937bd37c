package scheduler

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// forget handles scheduler.retention: the ledger's old rows go, within the handler's transaction and deadline.
func forget(store *postgres.Store, keep time.Duration) timed.Handler {
	return func(ctx context.Context, tx pg.Tx, f timed.Fire) error {
		_, err := store.Forget(ctx, tx, f.Due.Add(-keep))
		return err
	}
}
