package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// match reads of the blocks what tells whether they match.
func (s *scan) match(ctx context.Context, batch []*block.Head) (chunks []*logs.Chunk, done bool, err error) {
	remembered, batch := s.split(batch)
	blocks, err := s.small.read(ctx, s.tx, remembered)
	if err != nil {
		return nil, false, err
	}
	m := matching{scan: s}
	for _, b := range blocks {
		if !m.look(b) {
			return m.chunks, false, nil
		}
	}
	first := s.first()
	if err := m.read(ctx, batch, s.reads(batch, first)); err != nil || m.over {
		return m.chunks, false, err
	}
	if len(m.lacking) == 0 {
		return m.chunks, true, nil
	}
	s.whole = len(m.lacking) > len(batch)/4
	err = m.read(ctx, m.lacking, s.reads(m.lacking, s.matcher.Columns()))
	return m.chunks, !m.over, err
}

// first is what blocks are read with. Those that a filter lets through nearly always hold a match, and are read at once.
func (s *scan) first() block.Column {
	if s.whole || s.bounded && block.Asks(s.needs) {
		return s.matcher.Columns()
	}
	return s.matcher.First()
}

// matching is what has been found in one batch.
type matching struct {
	*scan
	chunks  []*logs.Chunk
	lacking []*block.Head // to be read with all columns
	over    bool          // time was up
}

// look asks one block; false when time was up.
func (m *matching) look(b *block.Block) bool {
	found, ok := m.matcher.Match(b, m.among(b))
	switch {
	case !ok || m.late():
		m.over = true
	case m.matcher.Lacks():
		m.lacking = append(m.lacking, &b.Head)
	case !found.Empty():
		m.chunks = append(m.chunks, &logs.Chunk{Block: b, Match: found})
	}
	return !m.over
}

func (m *matching) read(ctx context.Context, batch []*block.Head, what block.Column) error {
	if len(batch) == 0 {
		return nil
	}
	if what == 0 { // their heads tell it all
		for _, h := range batch {
			if !m.look(&block.Block{Head: *h}) {
				break
			}
		}
		return nil
	}
	return fetch(ctx, m.tx, batch, what, func(b *block.Block) (bool, error) {
		n := len(m.chunks)
		more := m.look(b)
		if len(m.chunks) > n {
			b.Own()
		}
		return more, nil
	})
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
