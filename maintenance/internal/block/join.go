package block

import (
	"encoding/hex"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// Join makes one block of the records of several of one service, hour and class, which have all their columns, in that
// order: their parts stand one behind the other, so that ids, transactions and sequences stay. The block has no id, no
// transaction and no tier yet, and replaces nothing. The filter is nil below Filtered records. It panics for no blocks.
func Join(blocks []*Block) (*Block, Filter) { return new(Builder).Join(blocks) }

// Join is as the function of that name; the block shares nothing with those it was made of, nor with the next one.
func (e *Builder) Join(blocks []*Block) (*Block, Filter) {
	b := &Block{}
	b.Class, b.Hour, b.Service = blocks[0].Class, blocks[0].Hour, blocks[0].Service
	var all []*record.Record
	for _, from := range blocks {
		b.Parts = append(b.Parts, from.Parts...)
		b.Newest = max(b.Newest, from.Newest)
		all = from.appendRows(all)
	}
	return b, e.fill(b, all, len(all) >= Filtered)
}

// appendRows decodes all records, but for what their parts tell.
func (b *Block) appendRows(all []*record.Record) []*record.Record {
	loggers, msgs, attrs, rows := b.Loggers(), b.Msgs(), b.AttrTexts(), make([]record.Record, b.Records)
	traces := make([]string, len(b.Coded.Traces)/16)
	for k := range traces {
		traces[k] = id(b.Coded.Traces[16*k : 16*k+16])
	}
	spans := hex.EncodeToString(b.Coded.Span)
	const none = "0000000000000000"
	for i := range rows {
		rows[i] = record.Record{TS: b.Time(i), Level: b.Level(i), Logger: loggers[i], Msg: msgs[i], Attrs: bytesOf(attrs[i]), TraceID: entry(traces, b.Coded.Trace.At(i))}
		if at := 16 * i; at+16 <= len(spans) && spans[at:at+16] != none {
			rows[i].SpanID = spans[at : at+16]
		}
		all = append(all, &rows[i])
	}
	return all
}
