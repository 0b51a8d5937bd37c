package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// smallBlocks are blocks without a filter, as they lie there by the hundred in the present hour until they are joined:
// each question, and each tail, looks into all of them. A block is never changed, so what was read once is kept. Safe
// for concurrent use.
type smallBlocks struct {
	cache *weighed[*block.Block]
}

// largest block in the cache, in bytes of texts as they were sent.
const largest = 128 << 10

// newSmall keeps what fits into the bytes. A block is reckoned with twice its texts: it has its codes, and remembers what
// it has found out about itself.
func newSmall(bytes int64) smallBlocks {
	return smallBlocks{newWeighed(bytes, func(b *block.Block) int64 { return 2*b.Bytes + 1024 })}
}

// takes reports whether the block may be in the cache.
func (s *smallBlocks) takes(h *block.Head) bool { return !filtered(h) && h.Bytes <= largest }

// read gives the blocks with all their columns, each the caller's own but for its texts; one that was dropped is missing.
func (s *smallBlocks) read(ctx context.Context, tx pgx.Tx, heads []*block.Head) (blocks []*block.Block, err error) {
	var missing []*block.Head
	for _, h := range heads {
		if b, ok := s.cache.get(h.ID); ok {
			blocks = append(blocks, b.Apart(h))
		} else {
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 {
		return blocks, nil
	}
	err = fetch(ctx, tx, missing, block.Everything, func(b *block.Block) (bool, error) {
		b.Own()
		s.cache.add(b.ID, b)
		blocks = append(blocks, b.Apart(&b.Head))
		return true, nil
	})
	return blocks, err
}
