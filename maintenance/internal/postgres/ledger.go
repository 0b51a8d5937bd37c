package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ledger"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// sift locks the ledgers of the batch's streams, in one order for all, and returns what is to be stored.
func (s *Store) sift(ctx context.Context, tx pg.Tx, all []record.Record, res *ingest.Result) ([]*record.Record, error) {
	var fresh []*record.Record
	streams := map[record.Stream][]*record.Record{}
	for i := range all {
		r := &all[i]
		switch stream, ok := r.Stream(); {
		case ok:
			streams[stream] = append(streams[stream], r)
		case r.Expired:
			res.Expired++
		default:
			fresh = append(fresh, r)
		}
	}
	for _, stream := range sorted(streams) {
		taken, err := s.siftStream(ctx, tx, stream, streams[stream], res)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, taken...)
	}
	res.Stored = len(fresh)
	return fresh, nil
}

func sorted(streams map[record.Stream][]*record.Record) []record.Stream {
	keys := make([]record.Stream, 0, len(streams))
	for k := range streams {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b record.Stream) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class))
	})
	return keys
}

func (s *Store) siftStream(ctx context.Context, tx pg.Tx, stream record.Stream, all []*record.Record, res *ingest.Result) ([]*record.Record, error) {
	slices.SortStableFunc(all, func(a, b *record.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	state, err := lock(ctx, tx, stream)
	if err != nil {
		return nil, err
	}
	if all[0].Seq <= state.StoredTo {
		if state.Gaps, err = gapsOf(ctx, tx, stream, all[0].Seq, all[len(all)-1].Seq); err != nil {
			return nil, err
		}
	}
	var fresh []*record.Record
	for _, r := range all {
		switch {
		case r.Expired:
			state.Refuse(r.Seq, r.TS, ledger.Expired)
			res.Expired++
		case state.Take(r.Seq, r.TS):
			fresh = append(fresh, r)
		default:
			res.Duplicates++
		}
	}
	res.Gaps += len(state.Opened())
	return fresh, save(ctx, tx, stream, state)
}

// lock makes the stream's ledger if it is new, and holds its row until the transaction ends.
func lock(ctx context.Context, tx pg.Tx, s record.Stream) (ledger.State, error) {
	var state ledger.State
	var stored int64
	var last *time.Time
	err := tx.QueryRow(ctx, `INSERT INTO ledger (service, instance, epoch, class) VALUES ($1, $2, $3, $4)
		ON CONFLICT (service, instance, epoch, class) DO UPDATE SET heard_at = greatest(ledger.heard_at, now())
		RETURNING stored_to, last_ts`, s.Service, s.Instance, s.Epoch, s.Class).Scan(&stored, &last)
	if err != nil {
		return state, fmt.Errorf("lock the ledger: %w", err)
	}
	state.StoredTo = uint64(stored)
	if last != nil {
		state.LastTS = *last
	}
	return state, nil
}

func gapsOf(ctx context.Context, tx pg.Tx, s record.Stream, from, to uint64) ([]ledger.Gap, error) {
	rows, err := tx.Query(ctx, `SELECT id, from_seq, to_seq, coalesce(from_ts, 'epoch'), coalesce(to_ts, 'epoch'), cause FROM gaps
		WHERE service = $1 AND instance = $2 AND epoch = $3 AND class = $4 AND from_seq <= $6 AND to_seq >= $5 ORDER BY from_seq`,
		s.Service, s.Instance, s.Epoch, s.Class, int64(from), int64(to))
	if err != nil {
		return nil, fmt.Errorf("read the gaps: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (ledger.Gap, error) {
		var g ledger.Gap
		var from, to int64
		err := row.Scan(&g.ID, &from, &to, &g.FromTS, &g.ToTS, &g.Cause)
		g.From, g.To = uint64(from), uint64(to)
		return g, err
	})
}

func save(ctx context.Context, tx pg.Tx, s record.Stream, state ledger.State) error {
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE ledger SET stored_to = $5, last_ts = $6, issued = greatest(issued, $5)
		WHERE service = $1 AND instance = $2 AND epoch = $3 AND class = $4`,
		s.Service, s.Instance, s.Epoch, s.Class, int64(state.StoredTo), moment(state.LastTS))
	if len(state.Closed) > 0 {
		batch.Queue(`DELETE FROM gaps WHERE id = ANY ($1)`, state.Closed)
	}
	for _, g := range state.Opened() {
		batch.Queue(`INSERT INTO gaps (service, instance, epoch, class, from_seq, to_seq, from_ts, to_ts, cause)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			s.Service, s.Instance, s.Epoch, s.Class, int64(g.From), int64(g.To), moment(g.FromTS), moment(g.ToTS), g.Cause)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("save the ledger: %w", err)
	}
	return nil
}

// moment is nil where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Unix() == 0 {
		return nil
	}
	return &t
}
