package postgres

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// What a block's columns are called in the database, how they are written, and how they are read.

// lists are the columns of a block, in the order of the bits of block.Column.
func lists() [10]string {
	return [10]string{
		"loggers, logger", "words, msg, msg_width", "shapes, shape, field_names, field_kinds, field_values, field_bases, field_scales, field_widths, field_codes",
		"traces, trace", "span", "ts_base, ts", "levels, level", "part_first, part_records, part_tx, part_seq, sources::text",
		"words", "shapes, field_names, field_kinds, field_values, field_bases, field_scales, field_widths, " +
			fmt.Sprintf("CASE WHEN field_kinds && '{%d,%d}' THEN field_codes END", block.Hex, block.UUID), // whose values are digits, and in no list
	}
}

// codedNames are the columns that coded writes, in that order.
const codedNames = `ts_base, ts, levels, level, loggers, logger, words, msg, msg_width, traces, trace, span, shapes, shape,
	field_names, field_kinds, field_values, field_bases, field_scales, field_widths, field_codes, filter`

// coded appends the columns of codes and texts, and the filter; nil for none.
func (e *encoder) coded(c *block.Coded, filter block.Filter) {
	e.int64(c.Base)
	e.codes(c.TS)
	array(e, oidInt2, c.Levels)
	e.codes(c.Level)
	text(e, c.Loggers)
	e.codes(c.Logger)
	text(e, c.Words)
	e.codes(c.Msg)
	e.int16(int16(c.Msg.Width))
	text(e, c.Traces)
	e.codes(c.Trace)
	text(e, c.Span)
	text(e, c.Shapes)
	e.codes(c.Shape)
	e.fields(c.Fields)
	if filter == nil {
		e.null()
	} else {
		text(e, filter)
	}
}

func (e *encoder) fields(all []block.Field) {
	kinds, bases, scales, widths := make([]int16, len(all)), make([]int64, len(all)), make([]int16, len(all)), make([]int16, len(all))
	for i := range all {
		f := &all[i]
		kinds[i], bases[i], scales[i], widths[i] = int16(f.Kind), f.Base, int16(f.Scale), int16(f.Codes.Width)
	}
	e.list(oidText, len(all), func(i int) { text(e, all[i].Name) })
	array(e, oidInt2, kinds)
	e.list(oidText, len(all), func(i int) { text(e, all[i].Values) })
	array(e, oidInt8, bases)
	array(e, oidInt2, scales)
	array(e, oidInt2, widths)
	e.list(oidVarbit, len(all), func(i int) { e.codes(all[i].Codes) })
}

// sizeOf is about what coded appends, in bytes.
func sizeOf(c *block.Coded, filter block.Filter) int {
	size := len(c.TS.Bytes) + len(c.Level.Bytes) + len(c.Loggers) + len(c.Logger.Bytes) + len(c.Words) + len(c.Msg.Bytes) + len(c.Traces) + len(c.Trace.Bytes) +
		len(c.Span) + len(c.Shapes) + len(c.Shape.Bytes) + len(filter) + 1024
	for i := range c.Fields {
		size += len(c.Fields[i].Name) + len(c.Fields[i].Values) + len(c.Fields[i].Codes.Bytes) + 64
	}
	return size
}

// decoder reads the values of a row, one after the other, and keeps the first error. Texts and bytes stay in the
// connection's buffer, which the next row overwrites: most blocks are looked through once, and need no copy.
type decoder struct {
	v   [][]byte
	err error
}

func (d *decoder) next() (raw []byte) {
	raw, d.v = d.v[0], d.v[1:]
	return raw
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) text() string { return borrow(d.next()) }

func borrow(text []byte) string { return unsafe.String(unsafe.SliceData(text), len(text)) }

var errLength = errors.New("its columns are not of one length")

// codes of n numbers.
func (d *decoder) codes(n int) block.Codes {
	c, err := codesOf(d.next(), func(bits int, raw []byte) (block.Codes, error) { return block.CodesOf(n, bits, raw) })
	if err != nil {
		d.fail(err)
	}
	return c
}

// wide are codes of a width that is known.
func wide(raw []byte, width int) (block.Codes, error) {
	return codesOf(raw, func(bits int, raw []byte) (block.Codes, error) { return block.CodesWide(width, bits, raw) })
}

func codesOf(raw []byte, read func(bits int, raw []byte) (block.Codes, error)) (block.Codes, error) {
	if len(raw) < 4 {
		return block.Codes{}, fmt.Errorf("a bit string of %d bytes", len(raw))
	}
	return read(int(binary.BigEndian.Uint32(raw)), raw[4:])
}

func list[T any](d *decoder, read func(raw []byte) (T, error)) T {
	all, err := read(d.next())
	if err != nil {
		d.fail(err)
	}
	return all
}

// columns reads those columns of b, in the order of lists.
func (d *decoder) columns(b *block.Block, columns block.Column, sources map[string]block.Source) {
	c, n := &b.Coded, b.Records
	for one := block.Logger; one <= block.AttrLists; one <<= 1 {
		if columns&one == 0 {
			continue
		}
		switch one {
		case block.Logger:
			c.Loggers, c.Logger = d.text(), d.codes(n)
		case block.Msg:
			c.Words = d.text()
			d.msg(c)
		case block.Attrs:
			c.Shapes, c.Shape = d.text(), d.codes(n)
			c.Fields = d.fields()
		case block.Trace:
			c.Traces, c.Trace = d.next(), d.codes(n)
		case block.Span:
			c.Span = d.next()
		case block.TS:
			c.Base, c.TS = int64Of(d.next()), d.codes(n)
		case block.Level:
			c.Levels, c.Level = list(d, int16s), d.codes(n)
		case block.Places:
			d.parts(b, sources)
		case block.MsgLists:
			c.Words = d.text()
		case block.AttrLists:
			c.Shapes, c.Fields = d.text(), d.fields()
		}
	}
	b.Has |= columns
}

func (d *decoder) msg(c *block.Coded) {
	raw, width := d.next(), int(int16Of(d.next()))
	var err error
	if c.Msg, err = wide(raw, width); err != nil {
		d.fail(err)
	}
}

// fields reads those of a block, without codes where the server has left them out.
func (d *decoder) fields() []block.Field {
	names, kinds, values := list(d, texts), list(d, int16s), list(d, texts)
	bases, scales, widths := list(d, int64s), list(d, int16s), list(d, int16s)
	n, codes := len(names), []string(nil)
	without := d.v[0] == nil
	if without {
		d.next()
	} else {
		codes = list(d, texts)
	}
	if len(kinds) != n || len(values) != n || len(bases) != n || len(scales) != n || len(widths) != n || len(codes) != n && !without {
		d.fail(errLength)
		return nil
	}
	all := make([]block.Field, n)
	for i := range all {
		all[i] = block.Field{Name: names[i], Kind: block.Kind(kinds[i]), Values: values[i], Base: bases[i], Scale: int(scales[i])}
		if without {
			continue
		}
		var err error
		if all[i].Codes, err = wide(bytesOf(codes[i]), int(widths[i])); err != nil {
			d.fail(err)
		}
	}
	return all
}

func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
