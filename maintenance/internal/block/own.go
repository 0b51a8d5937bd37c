package block

import (
	"slices"
	"strings"
)

// Own copies the columns of a block that was read into a buffer of somebody else's, so that it can be kept.
func (b *Block) Own() {
	b.Logger, b.Msg, b.Attrs = strings.Clone(b.Logger), strings.Clone(b.Msg), strings.Clone(b.Attrs)
	b.Trace, b.Span = slices.Clone(b.Trace), slices.Clone(b.Span)
	b.index.loggers, b.index.msgs, b.index.attrs = nil, nil, nil
}

// Take copies the columns that o has and b has not; times, levels and parts too.
func (b *Block) Take(o *Block) {
	if b.TS == nil {
		b.TS = o.TS
	}
	if b.Levels == nil {
		b.Levels = o.Levels
	}
	if b.Parts == nil {
		b.Parts, b.index.starts = o.Parts, nil
	}
	lacks := o.Has &^ b.Has
	if lacks&Logger != 0 {
		b.Logger = strings.Clone(o.Logger)
	}
	if lacks&Msg != 0 {
		b.Msg = strings.Clone(o.Msg)
	}
	if lacks&Attrs != 0 {
		b.Attrs = strings.Clone(o.Attrs)
	}
	if lacks&Trace != 0 {
		b.Trace = slices.Clone(o.Trace)
	}
	if lacks&Span != 0 {
		b.Span = slices.Clone(o.Span)
	}
	b.Has |= lacks
}
