package outbox

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

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
// else lose it to the role's idle_in_transaction_session_timeout. More than 24 days are as good as no limit, for the server
// counts no further.
func OnceWithin(ctx context.Context, tx pg.Tx, queue, source, id string, idle time.Duration) (first bool, err error) {
	tag, err := tx.Exec(ctx, `INSERT INTO inbox (queue, source, event_id)
		SELECT $1, $2, $3 FROM set_config('idle_in_transaction_session_timeout', $4, true) ON CONFLICT DO NOTHING`,
		queue, source, id, strconv.FormatInt(idleMillis(idle), 10))
	if err != nil {
		return false, fmt.Errorf("record event %s in the inbox: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}

// idleMillis as PostgreSQL takes them, 0 for no limit.
func idleMillis(idle time.Duration) int64 {
	if idle > math.MaxInt32*time.Millisecond {
		return 0
	}
	return idle.Milliseconds()
}

// OnceAll is Once of many deliveries in one round trip; first tells of each, and of what is there twice only the first
// one counts. Batches that share events wait for each other, and not in a circle.
func OnceAll(ctx context.Context, tx pg.Tx, queue string, all []bus.Delivery) (first []bool, err error) {
	type key struct{ source, id string }
	at := map[key]int{}
	for i, d := range all {
		if _, twice := at[key{d.Source, d.ID}]; !twice {
			at[key{d.Source, d.ID}] = i
		}
	}
	sorted := slices.SortedFunc(maps.Keys(at), func(a, b key) int { return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.id, b.id)) })
	sources, ids := make([]string, len(sorted)), make([]string, len(sorted))
	for i, k := range sorted {
		sources[i], ids[i] = k.source, k.id
	}
	rows, err := tx.Query(ctx, `INSERT INTO inbox (queue, source, event_id) SELECT $1, * FROM unnest($2::text[], $3::text[])
		ON CONFLICT DO NOTHING RETURNING source, event_id`, queue, sources, ids)
	if err != nil {
		return nil, fmt.Errorf("record %d events in the inbox: %w", len(ids), err)
	}
	first = make([]bool, len(all))
	var k key
	if _, err := pgx.ForEachRow(rows, []any{&k.source, &k.id}, func() error { first[at[k]] = true; return nil }); err != nil {
		return nil, fmt.Errorf("record %d events in the inbox: %w", len(ids), err)
	}
	return first, nil
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
