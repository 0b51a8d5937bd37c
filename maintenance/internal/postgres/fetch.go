package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// textColumns in the order of the bits of block.Column.
func textColumns() [5]string { return [5]string{"logger", "msg", "attrs", "trace", "span"} }

// piece is what can be read of a block besides its text columns. Most blocks that are looked into hold no match: what
// the match does not need is not read of them.
type piece uint8

const (
	withTimes piece = 1 << iota
	withLevels
	withParts
)

// reads says what is to be read.
type reads struct {
	pieces  piece
	columns block.Column
}

func (r reads) none() bool { return r.pieces == 0 && r.columns == 0 }

// list is what stands behind SELECT.
func (r reads) list() string {
	list := "id"
	for _, one := range [...]struct {
		is   piece
		list string
	}{{withTimes, ", ts"}, {withLevels, ", level"}, {withParts, ", part_first, part_records, part_tx, part_seq, sources::text"}} {
		if r.pieces&one.is != 0 {
			list += one.list
		}
	}
	return list + names(r.columns)
}

// fetch reads blocks and gives them to fn, in no order, until it says no. Their texts are borrowed: who keeps a block
// calls Own. A block that is not there any more has been dropped by retention.
func fetch(ctx context.Context, tx pgx.Tx, heads []*block.Head, what reads, fn func(b *block.Block) (bool, error)) error {
	byID := make(map[int64]*block.Head, len(heads))
	for _, h := range heads {
		byID[h.ID] = h
	}
	rows, err := tx.Query(ctx, from(heads, what.list()), inBinary()...)
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	defer rows.Close()
	sources := map[string]block.Source{}
	for rows.Next() {
		v := rows.RawValues()
		b := &block.Block{Head: *byID[int64Of(v[0])]}
		if err := decode(b, what, v[1:], sources); err != nil {
			return fmt.Errorf("read block %d: %w", b.ID, err)
		}
		if more, err := fn(b); err != nil || !more {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	return nil
}

func names(columns block.Column) (list string) {
	for i, name := range textColumns() {
		if columns&(1<<i) != 0 {
			list += ", " + name
		}
	}
	return list
}

// from selects the list from the blocks. Tier and hour stand there as constants, so that the server looks into their
// partitions alone.
func from(heads []*block.Head, list string) string {
	heads = slices.SortedFunc(slices.Values(heads), func(a, b *block.Head) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), a.Hour.Compare(b.Hour), cmp.Compare(a.ID, b.ID))
	})
	var sql strings.Builder
	for i, h := range heads {
		if i > 0 && h.Tier == heads[i-1].Tier && h.Hour.Equal(heads[i-1].Hour) {
			sql.WriteString("," + strconv.FormatInt(h.ID, 10))
			continue
		}
		if i > 0 {
			sql.WriteString("}') UNION ALL ")
		}
		fmt.Fprintf(&sql, "SELECT %s FROM log_blocks WHERE tier = %d AND hour = to_timestamp(%d) AND id = ANY ('{%d", list, h.Tier, h.Hour.Unix(), h.ID)
	}
	return sql.String() + "}')"
}

// decode reads a row. sources remembers texts that it has read.
func decode(b *block.Block, what reads, v [][]byte, sources map[string]block.Source) (err error) {
	if what.pieces&withTimes != 0 {
		if b.TS, err = int32s(v[0]); err == nil && len(b.TS) != b.Records {
			err = errLength
		}
		v = v[1:]
	}
	if what.pieces&withLevels != 0 && err == nil {
		if b.Levels, err = int16s(v[0]); err == nil && len(b.Levels) != b.Records {
			err = errLength
		}
		v = v[1:]
	}
	if what.pieces&withParts != 0 && err == nil {
		err = decodeParts(b, v, sources)
		v = v[5:]
	}
	if err == nil {
		fill(b, what.columns, v)
	}
	return err
}

var errLength = errors.New("its columns are not of one length")

func decodeParts(b *block.Block, v [][]byte, sources map[string]block.Source) error {
	firsts, err1 := int64s(v[0])
	records, err2 := int32s(v[1])
	txs, err3 := int64s(v[2])
	seqs, err4 := int64s(v[3])
	var texts []json.RawMessage
	if err := errors.Join(err1, err2, err3, err4, json.Unmarshal(v[4], &texts)); err != nil {
		return err
	}
	n, total := len(firsts), 0
	if len(records) != n || len(txs) != n || len(seqs) != n || len(texts) != n {
		return errLength
	}
	b.Parts = make([]block.Part, n)
	for i := range b.Parts {
		source, known := sources[string(texts[i])]
		if !known {
			if err := json.Unmarshal(texts[i], &source); err != nil {
				return err
			}
			sources[string(texts[i])] = source
		}
		b.Parts[i] = block.Part{Source: source, First: firsts[i], Records: int(records[i]), Tx: uint64(txs[i]), Seq: uint64(seqs[i])}
		total += int(records[i])
	}
	if total != b.Records {
		return errLength
	}
	return nil
}

// fill puts the texts where they belong; v holds those of columns, in their order. They stay in the connection's
// buffer, which the next row overwrites: most blocks are looked through once, and need no copy.
func fill(b *block.Block, columns block.Column, v [][]byte) {
	for c := block.Logger; c <= block.Span; c <<= 1 {
		if columns&c == 0 {
			continue
		}
		switch c {
		case block.Logger:
			b.Logger = borrow(v[0])
		case block.Msg:
			b.Msg = borrow(v[0])
		case block.Attrs:
			b.Attrs = borrow(v[0])
		case block.Trace:
			b.Trace = v[0]
		case block.Span:
			b.Span = v[0]
		}
		b.Has |= c
		v = v[1:]
	}
}

func borrow(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

// complete reads what chunks have not got of the columns, and their times, levels and parts.
func complete(ctx context.Context, tx pgx.Tx, columns block.Column, chunks []*logs.Chunk) error {
	byID, heads, missing := map[int64]*logs.Chunk{}, []*block.Head(nil), reads{}
	for _, c := range chunks {
		if lacks := lacking(c, columns); !lacks.none() && byID[c.ID] == nil {
			byID[c.ID], heads = c, append(heads, &c.Head)
			missing.pieces, missing.columns = missing.pieces|lacks.pieces, missing.columns|lacks.columns
		}
	}
	for part := range slices.Chunk(heads, maxBatch) {
		err := fetch(ctx, tx, part, missing, func(b *block.Block) (bool, error) {
			byID[b.ID].Take(b)
			delete(byID, b.ID)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	if len(byID) > 0 {
		return fmt.Errorf("%d blocks were dropped while they were read: %w", len(byID), logs.ErrBusy)
	}
	return nil
}

func lacking(c *logs.Chunk, columns block.Column) reads {
	lacks := reads{columns: columns &^ c.Has}
	if c.TS == nil {
		lacks.pieces |= withTimes
	}
	if c.Levels == nil {
		lacks.pieces |= withLevels
	}
	if c.Parts == nil {
		lacks.pieces |= withParts
	}
	return lacks
}
