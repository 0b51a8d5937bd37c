package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// pruneBatch keeps each statement short.
const pruneBatch = 5000

// Prune deletes published rows and inbox rows older than Settings.Retention, in short transactions.
func (o *Outbox) Prune(ctx context.Context) error { return o.prune(ctx, o.settings.DB.Pool()) }

// PruneIn is Prune within tx, for a timed handler: it holds a connection already, and a second one might
// not be there to be had. It ends when half of ctx's time is used, for what it did is kept only if tx can still be
// committed; the rest goes the next time.
func (o *Outbox) PruneIn(ctx context.Context, tx pg.Tx) error { return o.prune(ctx, tx) }

type execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func (o *Outbox) prune(ctx context.Context, on execer) error {
	for _, statement := range []string{
		`DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE published_at < now() - $1::interval LIMIT $2)`,
		`DELETE FROM inbox WHERE ctid = ANY(ARRAY(SELECT ctid FROM inbox WHERE handled_at < now() - $1::interval LIMIT $2))`,
	} {
		if err := o.pruneAll(ctx, on, statement, share(ctx, 4)); err != nil {
			return fmt.Errorf("prune outbox and inbox: %w", err)
		}
	}
	return nil
}

// share is the end of one of the n parts of ctx's time; the far future when that is not bounded.
func share(ctx context.Context, n time.Duration) time.Time {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return time.Now().Add(24 * time.Hour)
	}
	return time.Now().Add(time.Until(deadline) / n)
}

func (o *Outbox) pruneAll(ctx context.Context, on execer, statement string, until time.Time) error {
	for {
		tag, err := on.Exec(ctx, statement, o.settings.Retention, pruneBatch)
		if err != nil || tag.RowsAffected() < pruneBatch || time.Now().After(until) {
			return err
		}
	}
}
