package postgres

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// smallBlocks are blocks without a filter, as they lie there by the hundred in the present hour until they are joined:
// each question, and each tail, looks into all of them. A block is never changed, so what was read once is kept. Safe
// for concurrent use.
type smallBlocks struct {
	cache *lru.Cache[int64, *block.Block]
}

// Sizes of a block in the cache, in bytes of texts: most, and what is reckoned with.
const (
	largest = 128 << 10
	usual   = 32 << 10
)

func newSmall(bytes int64) smallBlocks {
	cache, err := lru.New[int64, *block.Block](int(max(atOnce, bytes/usual)))
	if err != nil {
		panic(err) // the size is positive
	}
	return smallBlocks{cache}
}

// takes reports whether the block may be in the cache.
func (s *smallBlocks) takes(h *block.Head) bool { return !filtered(h) && h.Bytes <= largest }

// read gives the blocks with all their columns, each the caller's own but for its texts; one that was dropped is missing.
func (s *smallBlocks) read(ctx context.Context, tx pgx.Tx, heads []*block.Head) (blocks []*block.Block, err error) {
	var missing []*block.Head
	for _, h := range heads {
		if b, ok := s.cache.Get(h.ID); ok {
			blocks = append(blocks, apart(b, h))
		} else {
			missing = append(missing, h)
		}
	}
	if len(missing) == 0 {
		return blocks, nil
	}
	err = fetch(ctx, tx, missing, reads{withTimes | withLevels | withParts, block.AllColumns}, func(b *block.Block) (bool, error) {
		b.Own()
		s.cache.Add(b.ID, b)
		blocks = append(blocks, apart(b, &b.Head))
		return true, nil
	})
	return blocks, err
}

// apart is a block that shares what is never changed with the one in the cache.
func apart(b *block.Block, h *block.Head) *block.Block {
	return &block.Block{Head: *h, Has: b.Has, Parts: b.Parts, TS: b.TS, Levels: b.Levels, Logger: b.Logger, Msg: b.Msg, Attrs: b.Attrs, Trace: b.Trace, Span: b.Span}
}
