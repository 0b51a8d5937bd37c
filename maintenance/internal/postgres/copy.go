package postgres

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// copyBlocks stores the blocks' columns. They go out as PostgreSQL's binary format, a block at a time, from where they
// lie: value by value through reflection costs as much as all the rest of storing them.
func copyBlocks(ctx context.Context, tx pg.Tx, all []stocked) error {
	columns := []string{"id", "tier", "hour", "service", "from_ts", "to_ts", "part_first", "part_records", "part_tx", "part_seq", "sources",
		"ts", "level", "logger", "msg", "attrs", "trace", "span", "filter"}
	from := &copied{columns: len(columns), left: all}
	from.raw = append(from.raw, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	from.rest = from.raw
	_, err := tx.Conn().PgConn().CopyFrom(ctx, from, `COPY log_blocks (`+strings.Join(columns, ", ")+`) FROM STDIN BINARY`)
	return err
}

// copied reads as blocks in the format of COPY … BINARY.
type copied struct {
	columns int
	left    []stocked
	ended   bool
	raw     []byte // what is being read
	rest    []byte // of it
}

// Read implements io.Reader.
func (c *copied) Read(into []byte) (int, error) {
	for len(c.rest) == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if c.raw = c.raw[:0]; len(c.left) == 0 {
			c.raw, c.ended = binary.BigEndian.AppendUint16(c.raw, 0xffff), true
		} else {
			if err := c.block(c.left[0]); err != nil {
				return 0, err
			}
			c.left = c.left[1:]
		}
		c.rest = c.raw
	}
	n := copy(into, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *copied) block(b stocked) error {
	first, records, txs, seqs, from := parts(b.Parts)
	sources, err := json.Marshal(from)
	if err != nil {
		return err
	}
	size := len(b.Logger) + len(b.Msg) + len(b.Attrs) + len(b.Trace) + len(b.Span) + 14*b.Records + 48*len(b.Parts) + len(sources) + len(block.Filter{}) + 1024
	if cap(c.raw) < size {
		c.raw = make([]byte, 0, size)
	}
	c.raw = binary.BigEndian.AppendUint16(c.raw, uint16(c.columns))
	c.int64(b.ID)
	c.int16(int16(b.Tier))
	c.time(b.Hour)
	text(c, b.Service)
	c.time(b.From)
	c.time(b.To)
	array(c, oidInt8, first)
	array(c, oidInt4, records)
	array(c, oidInt8, txs)
	array(c, oidInt8, seqs)
	c.int32(int32(1 + len(sources)))
	c.raw = append(append(c.raw, 1), sources...) // jsonb's only version
	array(c, oidInt4, b.TS)
	array(c, oidInt2, b.Levels)
	text(c, b.Logger)
	text(c, b.Msg)
	text(c, b.Attrs)
	text(c, b.Trace)
	text(c, b.Span)
	c.filter(b.filter)
	return nil
}

// int32 without a length before it.
func (c *copied) int32(n int32) { c.raw = binary.BigEndian.AppendUint32(c.raw, uint32(n)) }

func (c *copied) int64(n int64) {
	c.int32(8)
	c.raw = binary.BigEndian.AppendUint64(c.raw, uint64(n))
}

func (c *copied) int16(n int16) {
	c.int32(2)
	c.raw = binary.BigEndian.AppendUint16(c.raw, uint16(n))
}

// epoch of PostgreSQL, 2000-01-01, in microseconds of Unix.
const epoch = 946_684_800_000_000

func (c *copied) time(t time.Time) { c.int64(t.UnixMicro() - epoch) }

// text is bytea, too.
func text[T string | []byte](c *copied, s T) {
	c.int32(int32(len(s)))
	c.raw = append(c.raw, s...)
}

// filter is a bit string; NULL for none.
func (c *copied) filter(f *block.Filter) {
	if f == nil {
		c.int32(-1)
		return
	}
	c.int32(int32(4 + len(f)))
	c.int32(block.FilterBits)
	c.raw = append(c.raw, f[:]...)
}

// Types of elements.
const (
	oidInt8 = 20
	oidInt2 = 21
	oidInt4 = 23
)

// array of one dimension, without NULL, from 1 on.
func array[T int16 | int32 | int64](c *copied, oid int32, all []T) {
	size := binary.Size(T(0))
	c.int32(int32(20 + len(all)*(4+size)))
	for _, n := range []int32{1, 0, oid, int32(len(all)), 1} {
		c.int32(n)
	}
	for _, n := range all {
		c.int32(int32(size))
		switch size {
		case 2:
			c.raw = binary.BigEndian.AppendUint16(c.raw, uint16(n))
		case 4:
			c.raw = binary.BigEndian.AppendUint32(c.raw, uint32(n))
		default:
			c.raw = binary.BigEndian.AppendUint64(c.raw, uint64(n))
		}
	}
}
