package postgres

import (
	"bytes"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// filters are those of blocks that were asked for lately. Safe for concurrent use.
type filters struct {
	cache *weighed[block.Filter]
}

// newFilters keeps what fits into the bytes: filters are as large as what is in them asks for.
func newFilters(bytes int64) filters {
	return filters{newWeighed(bytes, func(f block.Filter) int64 { return int64(len(f)) })}
}

// filtered reports whether the block may have a filter.
func filtered(h *block.Head) bool { return h.Records >= block.Filtered }

// load reads the filters of the blocks that are not in memory.
func (f *filters) load(ctx context.Context, tx pgx.Tx, heads []*block.Head) error {
	var missing []*block.Head
	for _, h := range heads {
		if filtered(h) && !f.cache.has(h.ID) {
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, from(missing, "id, filter"), inBinary()...)
	if err != nil {
		return fmt.Errorf("read filters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		v := rows.RawValues()
		if v[1] == nil {
			continue
		}
		f.cache.add(int64Of(v[0]), block.Filter(bytes.Clone(v[1])))
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read filters: %w", err)
	}
	return nil
}

// may is false when the block's filter, if it is in memory, denies what is needed.
func (f *filters) may(h *block.Head, n query.Needs) bool {
	if !filtered(h) {
		return true
	}
	filter, ok := f.cache.get(h.ID)
	return !ok || filter.May(n)
}
