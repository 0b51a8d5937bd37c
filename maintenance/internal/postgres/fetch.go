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

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// fetch reads blocks and gives them to fn, in no order, until it says no. Their texts are borrowed: who keeps a block
// calls Own. A block that is not there any more has been dropped by retention.
func fetch(ctx context.Context, tx pgx.Tx, heads []*block.Head, columns block.Column, fn func(b *block.Block) (bool, error)) error {
	byID := make(map[int64]*block.Head, len(heads))
	for _, h := range heads {
		byID[h.ID] = h
	}
	rows, err := tx.Query(ctx, from(heads, listOf(columns)), inBinary()...)
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	defer rows.Close()
	sources := map[string]block.Source{}
	for rows.Next() {
		v := rows.RawValues()
		b := &block.Block{Head: *byID[int64Of(v[0])]}
		d := decoder{v: v[1:]}
		if d.columns(b, columns, sources); d.err != nil {
			return fmt.Errorf("read block %d: %w", b.ID, d.err)
		}
		if err := b.Check(); err != nil {
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

// listOf is what stands behind SELECT.
func listOf(columns block.Column) string {
	all := "id"
	for i, list := range lists() {
		if columns&(1<<i) != 0 {
			all += ", " + list
		}
	}
	return all
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

// parts reads those of b. sources remembers texts that it has read.
func (d *decoder) parts(b *block.Block, sources map[string]block.Source) {
	err := decodeParts(b, d.v[:5], sources)
	if d.v = d.v[5:]; err != nil {
		d.fail(err)
	}
}

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
		if records[i] < 1 || int(records[i]) > b.Records {
			return errLength
		}
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

// always are what whoever is shown a block finds in it.
const always = block.TS | block.Level | block.Places

// complete reads what chunks have not got of the columns, and their times, levels and parts.
func complete(ctx context.Context, tx pgx.Tx, columns block.Column, chunks []*logs.Chunk) error {
	byID, heads, missing := map[int64]*logs.Chunk{}, []*block.Head(nil), block.Column(0)
	for _, c := range chunks {
		if lacks := (columns | always) &^ c.Has; lacks != 0 && byID[c.ID] == nil {
			byID[c.ID], heads, missing = c, append(heads, &c.Head), missing|lacks
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
