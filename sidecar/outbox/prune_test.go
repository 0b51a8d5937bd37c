package outbox_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// endless is a transaction in which every deletion takes a second and finds another full batch.
type endless struct {
	pg.Tx
	deleted int64
}

func (e *endless) Exec(ctx context.Context, _ string, args ...any) (pgconn.CommandTag, error) {
	select {
	case <-time.After(time.Second):
		tag := pgconn.NewCommandTag("DELETE 5000")
		e.deleted += tag.RowsAffected()
		return tag, nil
	case <-ctx.Done():
		return pgconn.CommandTag{}, ctx.Err()
	}
}

// More is to be deleted than a timed handler's deadline allows: what has been deleted by then must be kept, or the next
// day would begin with more, and fail again.
func TestPruneInEndsBeforeItsDeadline(t *testing.T) {
	o := outbox.New(outbox.Settings{DB: database(t, 1)})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tx := &endless{}
		if err := o.PruneIn(ctx, tx); err != nil || ctx.Err() != nil || tx.deleted < 50_000 {
			t.Errorf("%d rows deleted: %v, %v", tx.deleted, err, ctx.Err())
		}
	})
}
