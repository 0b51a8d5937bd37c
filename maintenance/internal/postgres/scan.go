package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// clip bounds the query's time to what lies behind its key.
func clip(q logs.Query) logs.Query {
	if q.After != nil && q.Oldest && q.After.TS.After(q.Since) {
		q.Since = q.After.TS
	}
	if q.After == nil || q.Oldest {
		return q
	}
	end := q.After.TS
	if q.After.ID > 0 { // else nothing of that moment is behind the key
		end = end.Add(time.Microsecond)
	}
	if end.Before(q.Until) {
		q.Until = end
	}
	return q
}

// scan is one way through the blocks.
type scan struct {
	*question
	query   logs.Query
	needs   query.Needs
	bounded bool // needs is set
	matcher *block.Matcher
	whole   bool // blocks are read with all that the match may need: with less, many had to be read again
	columns block.Column
	visitor logs.Visitor
	size    int // of the next batch, in blocks
}

const (
	firstBatch = 4
	maxBatch   = 128
	maxBytes   = 16 << 20 // of texts in one batch
	atOnce     = 64       // filters read together for an explanation
)

// heads that may hold records, by what they and filters in memory tell, in the query's order.
func (s *scan) heads() (heads []*block.Head) {
	q, asks := s.query, s.bounded && block.Asks(s.needs)
	s.directory.between(q.Since, q.Until, func(h *block.Head) {
		if s.inTime(h) && q.Scope.Sees(h.Service) && (!s.bounded || h.May(s.needs)) && (!asks || s.filters.may(h, s.needs)) {
			heads = append(heads, h)
		}
	})
	slices.SortFunc(heads, func(a, b *block.Head) int {
		if q.Oldest {
			return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.ID, b.ID))
		}
		return cmp.Or(b.To.Compare(a.To), cmp.Compare(b.ID, a.ID))
	})
	return heads
}

// inTime: a block whose newest part was stored by a transaction that all see who see Seen has nothing new.
func (s *scan) inTime(h *block.Head) bool {
	q := s.query
	if d := q.Delta; d != nil && d.Seen != nil && h.Newest < d.Seen.Xmin {
		return false
	}
	return !h.To.Before(q.Since) && h.From.Before(q.Until)
}

// next takes heads from the front that are to be read, and returns what is left.
func (s *scan) next(ctx context.Context, heads []*block.Head) (batch, rest []*block.Head, err error) {
	look := heads[:min(4*s.size, len(heads))]
	asks := s.bounded && block.Asks(s.needs)
	if asks {
		wanted := slices.DeleteFunc(slices.Clone(look), func(h *block.Head) bool { return !s.visitor.Wants(h) })
		if len(wanted) == 0 {
			return nil, heads[len(look):], nil
		}
		if err := s.filters.load(ctx, s.tx, wanted); err != nil {
			return nil, nil, err
		}
	}
	bytes := int64(0)
	size := s.size
	s.size = min(2*s.size, maxBatch)
	for i, h := range look {
		if len(batch) == size || bytes > maxBytes {
			return batch, heads[i:], nil
		}
		if s.visitor.Wants(h) && (!asks || s.filters.may(h, s.needs)) {
			batch, bytes = append(batch, h), bytes+h.Bytes
		}
	}
	return batch, heads[len(look):], nil
}

// rest is where the unread part begins. It must not be where the scan itself began: the next one would come no further.
func (s *scan) rest(first *block.Head) (*time.Time, error) {
	at, begin := first.To, s.query.Until.Add(-time.Microsecond)
	if s.query.Oldest {
		at, begin = first.From, s.query.Since
	}
	if s.query.Oldest != at.After(begin) || at.Equal(begin) {
		return nil, logs.ErrTooSlow
	}
	return &at, nil
}

// read reads a batch and shows what matches; false when time was up.
func (s *scan) read(ctx context.Context, batch []*block.Head) (done bool, err error) {
	chunks, done, err := s.match(ctx, batch)
	if err != nil || !done || len(chunks) == 0 {
		return done, err
	}
	if err := complete(ctx, s.tx, s.columns, chunks); err != nil {
		return true, err
	}
	for _, c := range chunks {
		if err := s.visitor.Visit(c); err != nil {
			return true, err
		}
	}
	return true, nil
}

// split tells blocks that may be in memory from those that are read each time.
func (s *scan) split(batch []*block.Head) (remembered, rest []*block.Head) {
	for _, h := range batch {
		if s.small.takes(h) {
			remembered = append(remembered, h)
		} else {
			rest = append(rest, h)
		}
	}
	return remembered, rest
}

// reads is what the match needs of the batch, columns of its own included.
func (s *scan) reads(batch []*block.Head, columns block.Column) block.Column {
	what := columns
	if s.query.Expr != nil {
		what |= besides(query.Columns(s.query.Expr))
	}
	if s.query.Delta != nil {
		what |= block.Places
	}
	if s.sure() {
		what |= s.columns | always
	}
	for _, h := range batch {
		if s.cuts(h) {
			what |= block.TS
			if s.query.After != nil {
				what |= block.Places
			}
		}
	}
	return what
}

// sure reports that a block whose filter lets the question through nearly always holds a match: few are read, and what is
// read of them at once need not be asked for again.
func (s *scan) sure() bool { return s.needs.Traces != nil }

// besides are the columns that an expression reads and a matcher takes for granted.
func besides(set query.ColumnSet) (c block.Column) {
	if set&query.ReadsTime != 0 {
		c |= block.TS
	}
	if set&query.ReadsLevel != 0 {
		c |= block.Level
	}
	const columns = query.ReadsTime | query.ReadsLevel | query.ReadsService | query.ReadsLogger | query.ReadsMsg | query.ReadsAttrs | query.ReadsTrace | query.ReadsSpan
	if set&^columns != 0 {
		c |= block.Places
	}
	return c
}
