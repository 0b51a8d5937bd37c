package block

import (
	"errors"
	"fmt"
	"strings"
)

// Check finds columns that were read and cannot be a block's: of another length than the head says, wider than anything
// is, or of kinds that nobody knows. Codes that point beyond their list are not looked for; they mean nothing, "" or null.
func (b *Block) Check() error {
	if b.Records < 1 || b.Records > Most {
		return fmt.Errorf("it has %d records", b.Records)
	}
	c := &b.Coded
	for _, one := range [...]struct {
		is    Column
		name  string
		codes Codes
		most  int // bits
	}{
		{TS, "ts", c.TS, 32}, {Level, "level", c.Level, 16}, {Logger, "logger", c.Logger, 32}, {Trace, "trace", c.Trace, 32}, {Attrs, "shape", c.Shape, 32},
	} {
		if b.Has&one.is != 0 && !one.codes.fits(b.Records, one.most) {
			return fmt.Errorf("column %s: %w", one.name, errCodes)
		}
	}
	if b.Has&Msg != 0 && (c.Msg.Width > 32 || !c.Msg.whole()) {
		return fmt.Errorf("column msg: %w", errCodes)
	}
	if b.Has&Span != 0 && len(c.Span) != 0 && len(c.Span) != 8*b.Records {
		return fmt.Errorf("column span: %w", errCodes)
	}
	if b.Has&(Attrs|AttrLists) != 0 {
		return b.checkFields()
	}
	return nil
}

func (b *Block) checkFields() error {
	if n := strings.Count(b.Coded.Shapes, Unit); n >= mostShapes || len(b.Coded.Fields) > mostFields {
		return errors.New("it has more shapes or fields than there may be")
	}
	for i := range b.Coded.Fields {
		if f := &b.Coded.Fields[i]; !f.sound() {
			return fmt.Errorf("field %d, of kind %d: %w", i, f.Kind, errCodes)
		}
	}
	return nil
}

// sound reports that the field is one that somebody may have coded.
func (f *Field) sound() bool {
	if !f.Codes.whole() {
		return false
	}
	switch f.Kind {
	case Texts:
		return true
	case Words:
		return f.Codes.Width <= 32
	case Numbers:
		return f.Codes.Width <= mostWidth && f.Scale >= 0 && f.Scale <= mostDecimals
	case Hex:
		return f.Codes.Width > 0 && f.Codes.Width == 4*f.Scale
	case UUID:
		return f.Codes.Width == 128
	}
	return false
}

// fits reports codes for n records.
func (c Codes) fits(n, width int) bool {
	return c.Width >= 0 && c.Width <= width && c.whole() && (c.Width == 0 || c.Len == n)
}

// whole reports that the bytes are those of the numbers.
func (c Codes) whole() bool {
	return c.Width >= 0 && c.Len >= 0 && c.Width <= 1<<16 && (c.Bits()+7)/8 == len(c.Bytes)
}
