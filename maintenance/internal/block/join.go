package block

import "github.com/signalbox-mesh/signalbox/maintenance/internal/record"

// Join makes one block of the records of several of one service, hour and class, which have all their columns, in that
// order: their parts stand one behind the other, so that ids, transactions and sequences stay. The block has no id, no
// transaction and no tier yet, and replaces nothing. The filter is nil below Filtered records. It panics for none.
func Join(blocks []*Block) (*Block, Filter) { return new(Builder).Join(blocks) }

// Join is as the function of that name; the block shares nothing with the next one.
func (e *Builder) Join(blocks []*Block) (*Block, Filter) {
	b := &Block{}
	b.Class, b.Hour, b.Service = blocks[0].Class, blocks[0].Hour, blocks[0].Service
	var all []*record.Record
	for _, from := range blocks {
		b.Parts = append(b.Parts, from.Parts...)
		b.Newest = max(b.Newest, from.Newest)
		msgs, attrs, rows := from.Msgs(), from.AttrTexts(), make([]record.Record, from.Records)
		for i := range rows {
			rows[i] = record.Record{TS: from.Time(i), Level: from.Level(i), Logger: from.Logger(i), Msg: msgs[i], Attrs: []byte(attrs[i]), TraceID: from.TraceID(i), SpanID: from.SpanID(i)}
			all = append(all, &rows[i])
		}
	}
	return b, e.fill(b, all, len(all) >= Filtered)
}
