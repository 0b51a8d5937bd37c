package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
		n = 0
		heads, err := candidates(ctx, tx, at)
		if err != nil || len(heads) == 0 || len(heads) == 1 && !final {
			return err
		}
		blocks, err := readAll(ctx, tx, heads)
		if err != nil || len(blocks) < len(heads) { // somebody else has been quicker
			return err
		}
		builder := s.builder()
		defer s.builders.Put(builder)
		joined, filter := builder.Join(blocks)
		done, err := replace(ctx, tx, idsOf(heads), joined, filter, final)
		if done {
			n = len(heads)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("join blocks of %s: %w", at.service, err)
	}
	return n, nil
}

// heaviest is how many bytes of texts are joined into one block: whoever looks into it reads them all.
const heaviest = 16 << 20

// candidates are the oldest small blocks of the shelf that make one together. There are none when another replica is at
// the shelf: both would pack the same, and one for nothing.
func candidates(ctx context.Context, tx pg.Tx, at shelf) (heads []*block.Head, err error) {
	hour, mine := time.Unix(at.hour, 0).UTC(), false
	name := fmt.Sprintf("%s %d %d", at.service, at.class, at.hour)
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.logs.join ' || $1, 0))`, name).Scan(&mine); err != nil || !mine {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT id, records, bytes FROM log_directory WHERE tier = 9 AND service = $1 AND class = $2 AND hour = $3 ORDER BY id LIMIT $4`,
		at.service, int16(at.class), hour, block.Most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	total, weight := 0, int64(0)
	for rows.Next() {
		h := &block.Head{Tier: block.Fresh, Class: at.class, Hour: hour, Service: at.service}
		if err := rows.Scan(&h.ID, &h.Records, &h.Bytes); err != nil {
			return nil, err
		}
		if len(heads) == 0 || total+h.Records <= block.Most && weight+h.Bytes <= heaviest { // one that is too large leaves its place to a smaller one
			heads, total, weight = append(heads, h), total+h.Records, weight+h.Bytes
		}
	}
	return heads, rows.Err()
}

// readAll are those of the blocks that are there, by their ids.
func readAll(ctx context.Context, tx pg.Tx, heads []*block.Head) (blocks []*block.Block, err error) {
	err = fetch(ctx, tx, heads, block.Everything, func(b *block.Block) (bool, error) {
		b.Own()
		blocks = append(blocks, b)
		return true, nil
	})
	slices.SortFunc(blocks, func(a, b *block.Block) int { return cmp.Compare(a.ID, b.ID) })
	return blocks, err
}

func idsOf(heads []*block.Head) (ids []int64) {
	for _, h := range heads {
		ids = append(ids, h.ID)
	}
	return ids
}

// replace puts b in the place of those blocks, and reports whether it was done: their owner takes nothing from b but its
// columns. The statement is sent as it is: a pool's way would read its values through reflection.
func replace(ctx context.Context, tx pg.Tx, old []int64, b *block.Block, filter block.Filter, final bool) (done bool, err error) {
	e := &encoder{raw: make([]byte, 0, sizeOf(&b.Coded, filter)+16*len(old))}
	array(e, oidInt8, old)
	e.bool(final)
	e.coded(&b.Coded, filter)
	values := e.values()
	places, formats := make([]string, len(values)), make([]int16, len(values))
	for i := range values {
		places[i], formats[i] = "$"+strconv.Itoa(i+1), pgx.BinaryFormatCode
	}
	res := tx.Conn().PgConn().ExecParams(ctx, `SELECT logs_join(`+strings.Join(places, ", ")+`)`, values, nil, formats, nil).Read()
	if res.Err != nil {
		return false, res.Err
	}
	return len(res.Rows) == 1 && res.Rows[0][0] != nil, nil
}
