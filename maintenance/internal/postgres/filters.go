package postgres

import (
	"context"
	"errors"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// filters are those of blocks that were asked for lately. Safe for concurrent use.
type filters struct {
	cache *lru.Cache[int64, *block.Filter]
}

// newFilters keeps as many as fit into the bytes.
func newFilters(bytes int64) filters {
	cache, err := lru.New[int64, *block.Filter](int(max(atOnce, bytes/(block.FilterBits/8))))
	if err != nil {
		panic(err) // the size is positive
	}
	return filters{cache}
}

// filtered reports whether the block may have a filter.
func filtered(h *block.Head) bool { return h.Records >= block.Filtered }

// load reads the filters of the blocks that are not in memory.
func (f *filters) load(ctx context.Context, tx pgx.Tx, heads []*block.Head) error {
	var missing []*block.Head
	for _, h := range heads {
		if filtered(h) && !f.cache.Contains(h.ID) {
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
		if len(v[1]) != 4+block.FilterBits/8 {
			return errors.New("read filters: one has another size")
		}
		filter := block.Filter(v[1][4:])
		f.cache.Add(int64Of(v[0]), &filter)
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
	filter, ok := f.cache.Get(h.ID)
	return !ok || filter.May(n)
}
