package outbox

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Once records that queue has handled event id, in tx. false: it was handled before, do nothing. When
// another transaction is handling the same event, it waits for that one's end.
func Once(ctx context.Context, tx pg.Tx, queue, source, id string) (first bool, err error) {
	tag, err := tx.Exec(ctx, `INSERT INTO inbox (queue, source, event_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, queue, source, id)
	if err != nil {
		return false, fmt.Errorf("record event %s in the inbox: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// OnceWithin is Once for a transaction that may then be idle for so long: an effect that takes its time elsewhere would
// else lose it to the role's idle_in_transaction_session_timeout.
func OnceWithin(ctx context.Context, tx pg.Tx, queue, source, id string, idle time.Duration) (first bool, err error) {
	tag, err := tx.Exec(ctx, `INSERT INTO inbox (queue, source, event_id)
		SELECT $1, $2, $3 FROM set_config('idle_in_transaction_session_timeout', $4, true) ON CONFLICT DO NOTHING`,
		queue, source, id, strconv.FormatInt(idle.Milliseconds(), 10))
	if err != nil {
		return false, fmt.Errorf("record event %s in the inbox: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Handle wraps an effect into a bus handler: one transaction, inbox row and effect together.
func Handle(db *pg.DB, queue string, effect func(ctx context.Context, tx pg.Tx, d bus.Delivery) error) bus.Handler {
	return func(ctx context.Context, d bus.Delivery) error {
		return db.InTx(ctx, func(tx pg.Tx) error {
			first, err := Once(ctx, tx, queue, d.Source, d.ID)
			if err != nil || !first {
				return err
			}
			return effect(ctx, tx, d)
		})
	}
}
