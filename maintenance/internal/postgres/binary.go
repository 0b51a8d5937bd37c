package postgres

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// A block's columns are taken from PostgreSQL's binary format as they are: value by value through reflection costs
// more than all the rest of a scan.

// inBinary asks for all columns in the binary format, of a statement that is not kept: hardly any comes twice.
func inBinary() []any {
	return []any{pgx.QueryExecModeDescribeExec, pgx.QueryResultFormats{pgx.BinaryFormatCode}}
}

// elements of an array of fixed-size values without NULL.
func elements(raw []byte, size int) (data []byte, n int, err error) {
	if len(raw) < 12 {
		return nil, 0, fmt.Errorf("an array of %d bytes", len(raw))
	}
	if binary.BigEndian.Uint32(raw) == 0 {
		return nil, 0, nil
	}
	n = int(binary.BigEndian.Uint32(raw[12:]))
	if data = raw[20:]; len(data) != n*(4+size) {
		return nil, 0, fmt.Errorf("an array of %d values in %d bytes", n, len(data))
	}
	return data, n, nil
}

func int16s(raw []byte) ([]int16, error) {
	data, n, err := elements(raw, 2)
	all := make([]int16, n)
	for i := range all {
		all[i] = int16(binary.BigEndian.Uint16(data[6*i+4:]))
	}
	return all, err
}

func int32s(raw []byte) ([]int32, error) {
	data, n, err := elements(raw, 4)
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(binary.BigEndian.Uint32(data[8*i+4:]))
	}
	return all, err
}

func int64s(raw []byte) ([]int64, error) {
	data, n, err := elements(raw, 8)
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(binary.BigEndian.Uint64(data[12*i+4:]))
	}
	return all, err
}

// texts of an array; they stay where they are.
func texts(raw []byte) ([]string, error) {
	if len(raw) < 12 {
		return nil, fmt.Errorf("an array of %d bytes", len(raw))
	}
	if binary.BigEndian.Uint32(raw) == 0 {
		return nil, nil
	}
	all := make([]string, binary.BigEndian.Uint32(raw[12:]))
	rest := raw[20:]
	for i := range all {
		if len(rest) < 4 || uint64(len(rest)-4) < uint64(binary.BigEndian.Uint32(rest)) {
			return nil, fmt.Errorf("an array of %d values in %d bytes", len(all), len(raw))
		}
		size := binary.BigEndian.Uint32(rest)
		all[i], rest = borrow(rest[4:4+size]), rest[4+size:]
	}
	return all, nil
}

func int16Of(raw []byte) int16 { return int16(binary.BigEndian.Uint16(raw)) }
func int32Of(raw []byte) int32 { return int32(binary.BigEndian.Uint32(raw)) }
func int64Of(raw []byte) int64 { return int64(binary.BigEndian.Uint64(raw)) }

// timeOf is a timestamptz: microseconds since 2000.
func timeOf(raw []byte) time.Time {
	const since1970 = 946_684_800_000_000
	return time.UnixMicro(int64Of(raw) + since1970).UTC()
}
