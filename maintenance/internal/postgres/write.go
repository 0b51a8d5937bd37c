package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// straight is the number of records from which on a block passes by the fresh ones: it is as large as a joined one. Two
// smaller ones always fit together. Of half as many blocks there are half the looks, and each has its own words.
const straight = block.Most / 2

// shelf is where records lie together.
type shelf struct {
	service string
	hour    int64 // Unix
	class   block.Tier
}

// Write stores the records that are new, in one transaction with the ledger. After an error nothing of
// the batch, or all of it, is stored: send it again. A record that the server refuses is stored as a
// note of itself, and keeps its neighbours from nothing. Afterwards it may join small blocks of before.
func (s *Store) Write(ctx context.Context, all []record.Record) (ingest.Result, error) {
	res, err := s.tryWrite(ctx, all)
	if isNoPartition(err) { // dropped since we have last looked
		s.forget()
		res, err = s.tryWrite(ctx, all)
	}
	if isData(err) && !isNoPartition(err) {
		return s.halve(ctx, all, err)
	}
	if err == nil {
		s.joinRipe(ctx)
	}
	return res, err
}

func (s *Store) tryWrite(ctx context.Context, all []record.Record) (ingest.Result, error) {
	blocks, err := s.shelves(ctx, all)
	if err != nil {
		return ingest.Result{}, err
	}
	return s.write(ctx, all, blocks)
}

// shelves makes the partitions that the batch needs, and returns how many blocks it may become at most.
func (s *Store) shelves(ctx context.Context, all []record.Record) (blocks int, err error) {
	counts, last := map[shelf]*int{}, shelf{}
	var count *int
	for i := range all {
		if all[i].Expired {
			continue
		}
		if at := shelfOf(&all[i]); count == nil || at != last {
			if last, count = at, counts[at]; count == nil {
				count = new(int)
				counts[at] = count
			}
		}
		*count++
	}
	for at, found := range counts {
		n := *found
		blocks += (n + block.Most - 1) / block.Most
		if n >= straight {
			if err := s.partition(ctx, at.class, at.hour); err != nil {
				return 0, err
			}
		}
	}
	return blocks, nil
}

func shelfOf(r *record.Record) shelf {
	at := r.TS.Unix()
	return shelf{r.Service, at - at%3600, block.TierOf(r.Level)}
}

func (s *Store) halve(ctx context.Context, all []record.Record, cause error) (ingest.Result, error) {
	if len(all) == 1 {
		return s.tryWrite(ctx, []record.Record{all[0].Note(cause.Error())})
	}
	slices.SortStableFunc(all, func(a, b record.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	first, err := s.Write(ctx, all[:len(all)/2])
	if err != nil {
		return first, err
	}
	second, err := s.Write(ctx, all[len(all)/2:])
	return first.Plus(second), err
}

func (s *Store) write(ctx context.Context, all []record.Record, blocks int) (res ingest.Result, err error) {
	var stored []stocked
	builder := s.builder()
	defer s.builders.Put(builder)
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		res = ingest.Result{}
		fresh, at, err := sift(ctx, tx, all, blocks, &res)
		if err != nil {
			return err
		}
		stored = stock(builder, fresh, at)
		return copyIn(ctx, tx, stored)
	})
	if err != nil {
		return ingest.Result{}, fmt.Errorf("store %d log records: %w", len(all), err)
	}
	s.count(stored)
	return res, nil
}

// stocked is a block that has its place.
type stocked struct {
	*block.Block
	filter block.Filter
}

// stock makes blocks of the records.
func stock(builder *block.Builder, all []*record.Record, at place) (blocks []stocked) {
	groups, last := map[shelf]*[]*record.Record{}, shelf{}
	var group *[]*record.Record
	for _, r := range all {
		if at := shelfOf(r); group == nil || at != last {
			if last, group = at, groups[at]; group == nil {
				group = &[]*record.Record{}
				groups[at] = group
			}
		}
		*group = append(*group, r)
	}
	for _, group := range groups {
		for part := range slices.Chunk(*group, block.Most) {
			b, filter := builder.Build(part)
			tier := block.Fresh
			if b.Records >= straight {
				tier = b.Class
			}
			b.Store(at.ids[len(blocks)], at.tx, tier)
			blocks = append(blocks, stocked{b, filter})
		}
	}
	return blocks
}

func copyIn(ctx context.Context, tx pg.Tx, all []stocked) error {
	if len(all) == 0 {
		return nil
	}
	heads := []string{"id", "tx", "newest", "tier", "class", "hour", "service", "from_ts", "to_ts", "low", "high", "records", "bytes", "slots", "counts"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"log_directory"}, heads, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		b := all[i]
		return []any{b.ID, int64(b.Tx), int64(b.Newest), int16(b.Tier), int16(b.Class), b.Hour, b.Service, b.From, b.To,
			int16(b.Low), int16(b.High), b.Records, b.Bytes, b.Slots, b.Counts}, nil
	}))
	if err != nil {
		return err
	}
	return copyBlocks(ctx, tx, all)
}

func parts(all []block.Part) (first []int64, records []int32, txs, seqs []int64, sources []block.Source) {
	for _, p := range all {
		first, records = append(first, p.First), append(records, int32(p.Records))
		txs, seqs = append(txs, int64(p.Tx)), append(seqs, int64(p.Seq))
		sources = append(sources, p.Source)
	}
	return first, records, txs, seqs, sources
}

// count keeps in mind how many small blocks lie on each shelf.
func (s *Store) count(all []stocked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range all {
		s.written += b.Bytes
		if b.Tier == block.Fresh {
			at := shelf{b.Service, b.Hour.Unix(), b.Class}
			h, there := s.fresh[at]
			if h = h.plus(1, b.Records); !there || b.ID < h.from {
				h.from = b.ID
			}
			s.fresh[at] = h
		}
	}
	for at := range s.fresh { // what the timed event has sealed long ago
		if len(s.fresh) > maxShelves && at.hour < time.Now().Add(-2*time.Hour).Unix() {
			delete(s.fresh, at)
		}
	}
}

// maxShelves that are remembered, before old ones are looked for.
const maxShelves = 10_000
