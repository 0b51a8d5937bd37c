package block

import (
	"slices"
	"strings"
)

// Own copies the columns of a block that was read into a buffer of somebody else's, so that it can be kept. Lists without their
// codes are left behind.
func (b *Block) Own() {
	var own Coded
	b.Has &^= MsgLists | AttrLists
	own.take(&b.Coded, b.Has)
	b.Coded, b.index = own, index{}
}

// Take copies the columns that o has and b has not, parts too.
func (b *Block) Take(o *Block) {
	lacks := o.Has &^ b.Has
	b.Coded.take(&o.Coded, lacks)
	if lacks&Places != 0 {
		b.Parts = o.Parts
	}
	b.Has |= lacks
	b.index = index{}
}

// Apart is a block of the same columns and another head. It finds out for itself what is asked of it, so that
// it may be used beside b.
func (b *Block) Apart(h *Head) *Block {
	return &Block{Head: *h, Has: b.Has, Parts: b.Parts, Coded: b.Coded}
}

func (c *Coded) take(o *Coded, columns Column) {
	if columns&TS != 0 {
		c.Base, c.TS = o.Base, o.TS.clone()
	}
	if columns&Level != 0 {
		c.Levels, c.Level = slices.Clone(o.Levels), o.Level.clone()
	}
	if columns&Logger != 0 {
		c.Loggers, c.Logger = strings.Clone(o.Loggers), o.Logger.clone()
	}
	if columns&Msg != 0 {
		c.Words, c.Msg = strings.Clone(o.Words), o.Msg.clone()
	}
	if columns&Trace != 0 {
		c.Traces, c.Trace = slices.Clone(o.Traces), o.Trace.clone()
	}
	if columns&Span != 0 {
		c.Span = slices.Clone(o.Span)
	}
	if columns&Attrs != 0 {
		c.Shapes, c.Shape, c.Fields = strings.Clone(o.Shapes), o.Shape.clone(), slices.Clone(o.Fields)
		for i := range c.Fields {
			f := &c.Fields[i]
			f.Name, f.Values, f.Codes = strings.Clone(f.Name), strings.Clone(f.Values), f.Codes.clone()
		}
	}
}

func (c Codes) clone() Codes {
	c.Bytes = slices.Clone(c.Bytes)
	return c
}
