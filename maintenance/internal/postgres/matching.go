package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// match reads of the blocks what tells whether they match.
func (s *scan) match(ctx context.Context, batch []*block.Head, what block.Column) (chunks []*logs.Chunk, done bool, err error) {
	done = true
	look := func(b *block.Block) (bool, error) {
		found, ok := s.matcher.Match(b, s.among(b))
		if done = ok && !s.late(); done && !found.Empty() {
			chunks = append(chunks, &logs.Chunk{Block: b, Match: found})
		}
		return done, nil
	}
	remembered, batch := s.split(batch)
	blocks, err := s.small.read(ctx, s.tx, remembered)
	for _, b := range blocks {
		if done {
			_, _ = look(b)
		}
	}
	if err != nil || !done || len(batch) == 0 {
		return chunks, done, err
	}
	if what == 0 { // their heads tell it all
		for _, h := range batch {
			if more, _ := look(&block.Block{Head: *h}); !more {
				break
			}
		}
		return chunks, done, nil
	}
	err = fetch(ctx, s.tx, batch, what, func(b *block.Block) (bool, error) {
		n := len(chunks)
		more, err := look(b)
		if len(chunks) > n {
			b.Own()
		}
		return more, err
	})
	return chunks, done, err
}

// cuts reports whether the query's bounds may leave out some of the block's records.
func (s *scan) cuts(h *block.Head) bool {
	q := s.query
	if q.After != nil && (q.Oldest && !h.From.After(q.After.TS) || !q.Oldest && !h.To.Before(q.After.TS)) {
		return true
	}
	return h.From.Before(q.Since) || !h.To.Before(q.Until)
}

// among are the block's records that lie within the query's bounds, whatever they say.
func (s *scan) among(b *block.Block) block.Bitmap {
	q := s.query
	all := block.Full(b.Records)
	if s.cuts(&b.Head) {
		all = s.within(b)
	}
	if q.Delta == nil {
		return all
	}
	at := 0
	for i := range b.Parts {
		p := &b.Parts[i]
		if !q.Delta.Shows(p.Tx) {
			all.Clear(at, at+p.Records)
		}
		at += p.Records
	}
	return all
}

func (s *scan) within(b *block.Block) block.Bitmap {
	q, all := s.query, block.NewBitmap(b.Records)
	since, until := offset(b, q.Since), offset(b, q.Until)
	for i := range b.Records {
		if at := b.Offset(i); at >= since && at < until && (q.After == nil || s.behind(b, i)) {
			all.Set(i)
		}
	}
	return all
}

// offset of the first microsecond of the block's hour that is not before t.
func offset(b *block.Block, t time.Time) int64 {
	return int64((t.Sub(b.Hour) + time.Microsecond - 1).Truncate(time.Microsecond) / time.Microsecond)
}

func (s *scan) behind(b *block.Block, i int) bool {
	k, ts := s.query.After, b.Time(i)
	order := ts.Compare(k.TS)
	if order == 0 {
		order = cmp.Compare(b.RecordID(i), k.ID)
	}
	return order > 0 == s.query.Oldest && order != 0
}
