package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
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
type heap struct {
	blocks, records int
	from            int64 // the lowest id that they may have
}

func (h heap) plus(blocks, records int) heap {
	return heap{max(h.blocks+blocks, 0), max(h.records+records, 0), h.from}
}

func (h heap) ripe() bool { return h.blocks >= ripe || h.blocks > 1 && h.records >= block.Most }

// joinRipe joins the blocks of the shelves that this replica has put enough on. One at a time: who comes meanwhile goes
// on. An error changes nothing of what is stored; the timed event will do it.
func (s *Store) joinRipe(ctx context.Context) {
	if !s.joining.TryLock() {
		return
	}
	defer s.joining.Unlock()
	for at, from, ok := s.ripest(); ok; at, from, ok = s.ripest() {
		n, rest, err := s.joinFrom(ctx, at, from, false)
		if s.joined(at, n, rest); err != nil {
			return
		}
	}
}

// nothing is the lowest id where there is no block.
const nothing = math.MaxInt64

// ripest is a shelf that is worth joining, and the id from which on: what was joined before has left its traces in the index,
// which are there for as long as anybody holds a transaction open, and nobody shall walk over them again and again. What this
// replica puts there from now on counts from its own id; joined has to be called.
func (s *Store) ripest() (at shelf, from int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, h := range s.fresh {
		if h.ripe() {
			from, h.from = h.from, nothing
			s.fresh[at] = h
			return at, from, true
		}
	}
	return at, 0, false
}

// joined notes that n blocks have become one, and that no other lies below rest. Without any, there is nothing worth joining.
func (s *Store) joined(at shelf, n int, rest int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.fresh[at].plus(-n, -block.Most)
	if n == 0 {
		h.blocks, h.records = 0, 0
	}
	if h.from = min(h.from, rest); h.from == nothing {
		delete(s.fresh, at)
		return
	}
	s.fresh[at] = h
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
	n, _, err = s.joinFrom(ctx, at, 0, final)
	return n, err
}

// joinFrom joins those from an id on. None of them that is left has an id below rest.
func (s *Store) joinFrom(ctx context.Context, at shelf, from int64, final bool) (n int, rest int64, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		n, rest = 0, from
		heads, next, err := candidates(ctx, tx, at, from)
		if err != nil {
			return err
		}
		if len(heads) == 0 || len(heads) == 1 && !final {
			if rest = next; len(heads) == 1 {
				rest = heads[0].ID
			}
			return nil
		}
		blocks, err := readAll(ctx, tx, heads)
		if err != nil || len(blocks) < len(heads) { // somebody else has been quicker
			return err
		}
		builder := s.builder()
		defer s.builders.Put(builder)
		joined, filter := builder.Join(blocks)
		done, err := replace(ctx, tx, idsOf(heads), joined, filter, final)
		if !done {
			return err
		}
		if n, rest = len(heads), next; !final && joined.Records < straight { // it is small itself, and its id higher than theirs
			rest = min(rest, heads[n-1].ID+1)
		}
		return nil
	})
	if err != nil {
		return 0, from, fmt.Errorf("join blocks of %s: %w", at.service, err)
	}
	return n, rest, nil
}

// heaviest is how many bytes of texts are joined into one block: whoever looks into it reads them all.
const heaviest = 16 << 20

// candidates are the oldest small blocks of the shelf, from an id on, that make one together; no other of these lies below rest.
// There are none when another replica is at the shelf: both would pack the same, and one for nothing.
func candidates(ctx context.Context, tx pg.Tx, at shelf, from int64) (heads []*block.Head, rest int64, err error) {
	hour, mine := time.Unix(at.hour, 0).UTC(), false
	name := fmt.Sprintf("%s %d %d", at.service, at.class, at.hour)
	if err := tx.QueryRow(ctx, `SELECT ROW (`+byIndex+`) IS NOT NULL AND pg_try_advisory_xact_lock(hashtextextended(current_schema() || '.logs.join ' || $1, 0))`, name).
		Scan(&mine); err != nil || !mine {
		return nil, from, err
	}
	rows, err := tx.Query(ctx, `SELECT id, records, bytes FROM log_directory WHERE tier = 9 AND service = $1 AND class = $2 AND hour = $3 AND id >= $4 ORDER BY id LIMIT $5`,
		at.service, int16(at.class), hour, from, block.Most)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	seen, total, weight := 0, 0, int64(0)
	rest = nothing
	for ; rows.Next(); seen++ {
		h := &block.Head{Tier: block.Fresh, Class: at.class, Hour: hour, Service: at.service}
		if err := rows.Scan(&h.ID, &h.Records, &h.Bytes); err != nil {
			return nil, 0, err
		}
		if len(heads) == 0 || total+h.Records <= block.Most && weight+h.Bytes <= heaviest { // one that is too large leaves its place to a smaller one
			heads, total, weight = append(heads, h), total+h.Records, weight+h.Bytes
		} else {
			rest = min(rest, h.ID)
		}
		if seen == block.Most-1 { // there may be more behind it
			rest = min(rest, h.ID+1)
		}
	}
	return heads, rest, rows.Err()
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
