package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// View runs fn on the log as it is at one moment. Errors: logs.ErrBusy, logs.ErrTooSlow, fn's.
func (s *Store) View(ctx context.Context, within time.Duration, fn func(logs.View) error) error {
	if within <= 0 {
		within = logs.Budget
	}
	start, end := time.Now(), s.clock().Add(within*4/5)
	err := s.bounded(ctx, within, func(tx pgx.Tx) error {
		d, err := s.refresh(ctx, tx, start.Add(max(within, time.Second)))
		if err != nil {
			return err
		}
		return fn(&question{reader: &s.reader, tx: tx, directory: d, clock: s.clock, end: end})
	})
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	return nil
}

func (s *Store) refresh(ctx context.Context, tx pgx.Tx, end time.Time) (*directory, error) {
	soon, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	d, err := s.reader.catalogue.refresh(soon, tx)
	if err != nil && soon.Err() != nil && ctx.Err() == nil {
		return nil, logs.ErrBusy
	}
	return d, err
}

// reader is what questions share.
type reader struct {
	catalogue catalogue
	filters   filters
	small     smallBlocks
}

// question is a View. Its transaction sees just what the directory lists.
type question struct {
	*reader
	tx        pgx.Tx
	directory *directory
	clock     func() time.Time
	end       time.Time // by when it should have looked; the rest of the time is for the answer
}

// Snapshot of the moment.
func (v *question) Snapshot() *logs.Snapshot { return v.directory.snapshot }

func (v *question) late() bool { return v.clock().After(v.end) }

// Scan shows the blocks with a match, in the order of the query, and says where it stopped when time was up.
func (v *question) Scan(ctx context.Context, q logs.Query, columns block.Column, to logs.Visitor) (*time.Time, error) {
	s := &scan{question: v, query: clip(q), visitor: to, size: firstBatch}
	s.matcher = block.Compile(q.Expr, v.late)
	s.columns = columns
	if q.Expr != nil {
		s.needs, s.bounded = query.Require(q.Expr), true
	}
	if s.sure() {
		s.size = maxBatch
	}
	for heads := s.heads(); len(heads) > 0; {
		if v.late() {
			return s.rest(heads[0])
		}
		batch, rest, err := s.next(ctx, heads)
		if err != nil {
			return nil, err
		}
		if len(batch) > 0 {
			done, err := s.read(ctx, batch)
			if err != nil {
				return nil, err
			}
			if !done {
				return s.rest(batch[0])
			}
		}
		heads = rest
	}
	return nil, nil
}

// Load reads further columns of what Scan has shown.
func (v *question) Load(ctx context.Context, columns block.Column, chunks ...*logs.Chunk) error {
	return complete(ctx, v.tx, columns, chunks)
}
