package postgres

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// copyBlocks stores the blocks' columns. They go out as PostgreSQL's binary format, a block at a time, from where they
// lie: value by value through reflection costs as much as all the rest of storing them.
func copyBlocks(ctx context.Context, tx pg.Tx, all []stocked) error {
	from := &copied{left: all}
	from.raw = append(from.raw, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	from.rest = from.raw
	_, err := tx.Conn().PgConn().CopyFrom(ctx, from, `COPY log_blocks (`+copiedNames+`) FROM STDIN BINARY`)
	return err
}

const copiedNames = `id, tier, hour, service, from_ts, to_ts, records, part_first, part_records, part_tx, part_seq, sources, ` + codedNames

// copied reads as blocks in the format of COPY … BINARY.
type copied struct {
	encoder // what is being read
	left    []stocked
	ended   bool
	rest    []byte // of what is being read
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
	e := &c.encoder
	e.raw = slices.Grow(e.raw, sizeOf(&b.Coded, b.filter)+48*len(b.Parts)+len(sources))
	e.raw = binary.BigEndian.AppendUint16(e.raw, uint16(1+strings.Count(copiedNames, ",")))
	e.int64(b.ID)
	e.int16(int16(b.Tier))
	e.time(b.Hour)
	text(e, b.Service)
	e.time(b.From)
	e.time(b.To)
	e.int32(4)
	e.int32(int32(b.Records))
	array(e, oidInt8, first)
	array(e, oidInt4, records)
	array(e, oidInt8, txs)
	array(e, oidInt8, seqs)
	e.int32(int32(1 + len(sources)))
	e.raw = append(append(e.raw, 1), sources...) // jsonb's only version
	e.coded(&b.Coded, b.filter)
	return nil
}

// encoder appends values in PostgreSQL's binary format, each behind its length.
type encoder struct{ raw []byte }

// int32 without a length before it.
func (e *encoder) int32(n int32) { e.raw = binary.BigEndian.AppendUint32(e.raw, uint32(n)) }

func (e *encoder) int64(n int64) {
	e.int32(8)
	e.raw = binary.BigEndian.AppendUint64(e.raw, uint64(n))
}

func (e *encoder) int16(n int16) {
	e.int32(2)
	e.raw = binary.BigEndian.AppendUint16(e.raw, uint16(n))
}

// epoch of PostgreSQL, 2000-01-01, in microseconds of Unix.
const epoch = 946_684_800_000_000

func (e *encoder) time(t time.Time) { e.int64(t.UnixMicro() - epoch) }

// text is bytea, too.
func text[T ~string | ~[]byte](e *encoder, s T) {
	e.int32(int32(len(s)))
	e.raw = append(e.raw, s...)
}

func (e *encoder) bool(is bool) {
	e.int32(1)
	e.raw = append(e.raw, 0)
	if is {
		e.raw[len(e.raw)-1] = 1
	}
}

func (e *encoder) null() { e.int32(-1) }

// codes are a bit varying.
func (e *encoder) codes(c block.Codes) {
	e.int32(int32(4 + len(c.Bytes)))
	e.int32(int32(c.Bits()))
	e.raw = append(e.raw, c.Bytes...)
}

// values are what was appended, one by one; nil is NULL.
func (e *encoder) values() (all [][]byte) {
	for rest := e.raw; len(rest) > 0; {
		size := int32(binary.BigEndian.Uint32(rest))
		if rest = rest[4:]; size < 0 {
			all = append(all, nil)
			continue
		}
		all, rest = append(all, rest[:size:size]), rest[size:]
	}
	return all
}

// Types of elements.
const (
	oidInt8   = 20
	oidInt2   = 21
	oidInt4   = 23
	oidText   = 25
	oidVarbit = 1562
)

// list is an array of n values that one appends, as array is.
func (e *encoder) list(oid int32, n int, one func(i int)) {
	at := len(e.raw)
	e.int32(0)
	for _, n := range []int32{1, 0, oid, int32(n), 1} {
		e.int32(n)
	}
	for i := range n {
		one(i)
	}
	binary.BigEndian.PutUint32(e.raw[at:], uint32(len(e.raw)-at-4))
}

// array of one dimension, without NULL, from 1 on.
func array[T int16 | int32 | int64](e *encoder, oid int32, all []T) {
	size := binary.Size(T(0))
	e.int32(int32(20 + len(all)*(4+size)))
	for _, n := range []int32{1, 0, oid, int32(len(all)), 1} {
		e.int32(n)
	}
	for _, n := range all {
		e.int32(int32(size))
		switch size {
		case 2:
			e.raw = binary.BigEndian.AppendUint16(e.raw, uint16(n))
		case 4:
			e.raw = binary.BigEndian.AppendUint32(e.raw, uint32(n))
		default:
			e.raw = binary.BigEndian.AppendUint64(e.raw, uint64(n))
		}
	}
}
