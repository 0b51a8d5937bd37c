package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// ripe is the number of small blocks of one shelf that are worth joining; so is what makes a whole block.
const ripe = 32

// heap is what small blocks lie on a shelf, as far as this replica has put them there.
type heap struct{ blocks, records int }

func (h heap) plus(blocks, records int) heap {
	return heap{max(h.blocks+blocks, 0), max(h.records+records, 0)}
}

func (h heap) ripe() bool { return h.blocks >= ripe || h.blocks > 1 && h.records >= block.Most }

// joinRipe joins the blocks of the shelves that this replica has put enough on. One at a time: who comes meanwhile goes
// on. An error changes nothing of what is stored; the timed event will do it.
func (s *Store) joinRipe(ctx context.Context) {
	if !s.joining.TryLock() {
		return
	}
	defer s.joining.Unlock()
	for at, ok := s.ripest(); ok; at, ok = s.ripest() {
		n, err := s.join(ctx, at, false)
		s.mu.Lock()
		if s.fresh[at] = s.fresh[at].plus(-n, -block.Most); n == 0 || err != nil || s.fresh[at].blocks == 0 {
			delete(s.fresh, at)
		}
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *Store) ripest() (at shelf, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, h := range s.fresh {
		if h.ripe() {
			return at, true
		}
	}
	return at, false
}

// settled is how long small blocks of the present hour wait for others.
const settled = 10 * time.Minute

// Seal joins, for good, the small blocks of hours that have ended, and those that have waited for ten minutes. It
// returns how many blocks have become how many. What cannot be joined keeps nothing else back.
func (s *Store) Seal(ctx context.Context) (from, to int, err error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT service, class, hour FROM log_directory WHERE tier = 9
		GROUP BY service, class, hour HAVING hour <= now() - interval '1 hour' OR min(stored_at) < now() - make_interval(secs => $1)
		ORDER BY hour, service, class`, settled.Seconds())
	if err != nil {
		return 0, 0, fmt.Errorf("look for blocks to join: %w", err)
	}
	todo, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (at shelf, err error) {
		var hour time.Time
		err = row.Scan(&at.service, &at.class, &hour)
		at.hour = hour.Unix()
		return at, err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("look for blocks to join: %w", err)
	}
	var failed []error
	for _, at := range todo {
		blocks, joined, err := s.sealShelf(ctx, at)
		from, to = from+blocks, to+joined
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil || pg.IsUnavailable(err) {
			break
		}
	}
	return from, to, errors.Join(failed...)
}

func (s *Store) sealShelf(ctx context.Context, at shelf) (from, to int, err error) {
	for {
		n, err := s.join(ctx, at, true)
		if err != nil || n == 0 {
			return from, to, err
		}
		from, to = from+n, to+1
	}
}

// join makes one block of the oldest small ones of the shelf, and returns how many they were: 0 when there is nothing to
// join, or somebody else is at it.
func (s *Store) join(ctx context.Context, at shelf, final bool) (n int, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		ids, total, err := candidates(ctx, tx, at)
		n = len(ids)
		if err != nil || n == 0 || n == 1 && !final {
			n = 0
			return err
		}
		filter, err := filterOf(ctx, tx, ids, total)
		if err != nil {
			return err
		}
		var id *int64
		if err := tx.QueryRow(ctx, `SELECT logs_seal($1, $2, $3)`, ids, bits(filter), final).Scan(&id); err != nil {
			return err
		}
		if id == nil {
			n = 0
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("join blocks of %s: %w", at.service, err)
	}
	return n, nil
}

// heaviest is how many bytes of texts are joined into one block: whoever looks into it reads them all.
const heaviest = 16 << 20

// candidates are the oldest small blocks of the shelf that make one together, and how many records they have.
func candidates(ctx context.Context, tx pg.Tx, at shelf) (ids []int64, total int, err error) {
	rows, err := tx.Query(ctx, `SELECT id, records, bytes FROM log_directory WHERE tier = 9 AND service = $1 AND class = $2 AND hour = $3 ORDER BY id LIMIT $4`,
		at.service, int16(at.class), time.Unix(at.hour, 0), block.Most)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	weight := int64(0)
	for rows.Next() {
		var id, bytes int64
		var records int
		if err := rows.Scan(&id, &records, &bytes); err != nil {
			return nil, 0, err
		}
		if len(ids) == 0 || total+records <= block.Most && weight+bytes <= heaviest { // one that is too large leaves its place to a smaller one
			ids, total, weight = append(ids, id), total+records, weight+bytes
		}
	}
	rows.Close()
	return ids, total, rows.Err()
}

// filterOf makes the filter of those blocks that are too small to have one; nil when their sum is too small, too.
func filterOf(ctx context.Context, tx pg.Tx, ids []int64, total int) (*block.Filter, error) {
	if total < block.Filtered {
		return nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT msg, attrs, trace FROM log_blocks_fresh WHERE id = ANY ($1) AND filter IS NULL`, ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	filter := new(block.Filter)
	for rows.Next() {
		b := block.Block{Has: block.Msg | block.Attrs | block.Trace}
		if err := rows.Scan(&b.Msg, &b.Attrs, &b.Trace); err != nil {
			return nil, err
		}
		b.Records = len(b.Trace) / 16
		filter.AddBlock(&b)
	}
	return filter, rows.Err()
}
