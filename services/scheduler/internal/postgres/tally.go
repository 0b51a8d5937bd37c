package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// tally gathers the due times that end in a transaction, and not in done, until it is known whether they did.
type tally struct {
	tx     pgx.Tx
	missed map[api.Reason]int
}

type tallyKey struct{}

// counted is for a transaction that ends fires otherwise than by receipts or passes: what it tells with ctx is counted
// when commit is called with its error, if that is nil.
func (s *Store) counted(ctx context.Context) (_ context.Context, commit func(error)) {
	t := &tally{}
	return context.WithValue(ctx, tallyKey{}, t), func(err error) {
		if err != nil || s.Missed == nil {
			return
		}
		for reason, n := range t.missed {
			s.Missed(reason, n)
		}
	}
}

// note what has ended in tx. A transaction that is tried again begins to count anew.
func note(ctx context.Context, tx pgx.Tx, fires []api.Fire) {
	t, ok := ctx.Value(tallyKey{}).(*tally)
	if !ok {
		return
	}
	if t.tx != tx {
		t.tx, t.missed = tx, map[api.Reason]int{}
	}
	for _, f := range fires {
		if f.State != api.Done {
			t.missed[f.Reason] += max(f.Missed, 1)
		}
	}
}
