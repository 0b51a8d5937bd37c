// Package block is how the log lies on disk: some thousand records of one service, of one hour and one class of
// levels, column by column. Texts of a column stand in one string, a separator between two, so that lz4 finds what
// repeats, PostgreSQL can take them apart in plain SQL, and a search looks through a whole column at once.
//
// A block is built once. Small ones, of quiet services, are later joined by PostgreSQL itself (logs_seal), part
// after part, without a look into any record: that is why every column can be joined by putting one behind the other.
package block

import (
	"log/slog"
	"time"
)

// Most is the number of records of the largest block. A record's id is its first block's id times Most, plus its
// place there; it stays when blocks are joined.
const Most = 1 << 12

// Separators behind each text of a column but the last. Messages may hold lines, attributes are JSON, which holds
// no control character; record.From replaces Unit in what it reads.
const (
	Unit = "\x1e" // between loggers, between messages
	Line = "\n"   // between attributes
)

// Tier is the shelf that a block lies on: Fresh for small blocks that will be joined, or that of its class of levels,
// which decides how long it is kept.
type Tier int16

// The tiers. Their numbers are stored.
const (
	Debug Tier = 0
	Info  Tier = 1
	Warn  Tier = 2
	Error Tier = 3
	Fresh Tier = 9
)

// Tiers that keep records by level, the least first.
var Tiers = [...]Tier{Debug, Info, Warn, Error}

// String names a class of levels.
func (t Tier) String() string {
	switch t {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Warn:
		return "warn"
	case Error:
		return "error"
	}
	return "fresh"
}

// TierOf is the tier of a level.
func TierOf(l slog.Level) Tier {
	switch {
	case l >= slog.LevelError:
		return Error
	case l >= slog.LevelWarn:
		return Warn
	case l >= slog.LevelInfo:
		return Info
	}
	return Debug
}

// Head is what is known of a block without reading it: a row of log_directory.
type Head struct {
	ID       int64
	Tx       uint64 // the transaction that stored the row
	Newest   uint64 // the newest of its parts' transactions
	Tier     Tier   // where its columns lie
	Class    Tier   // of its levels, never Fresh
	Hour     time.Time
	Service  string
	From, To time.Time // of its first and its last record, both included
	Low      slog.Level
	High     slog.Level
	Records  int
	Bytes    int64   // of its texts, as they were sent
	Replaces []int64 // blocks that were joined into this one and are no more
	Slots    []int32 // Slot of a minute and a level …
	Counts   []int32 // … and how many records it has; a slot may stand there more than once
}

// Slot names a minute of the hour and a level.
func Slot(minute int, l slog.Level) int32 { return int32(minute)<<16 | int32(uint16(int16(l))) }

// SlotOf is the inverse of Slot.
func SlotOf(s int32) (minute int, l slog.Level) { return int(s >> 16), slog.Level(int16(uint16(s))) }

// Source is what all records of a part share.
type Source struct {
	Instance    string `json:"instance"`
	Epoch       string `json:"epoch,omitempty"`
	Class       string `json:"class,omitempty"`
	Version     string `json:"version,omitempty"`
	Environment string `json:"environment,omitempty"`
	Cluster     string `json:"cluster,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
	Node        string `json:"node,omitempty"`
}

// Part is a run of records of one source, stored by one transaction, whose sequence numbers follow one another.
type Part struct {
	Source  Source
	First   int64  // the first record's id
	Records int    //
	Tx      uint64 // that stored them
	Seq     uint64 // the first record's; 0: they have none
}

// Column is a set of columns.
type Column uint8

// The columns. Times and levels are always there.
const (
	Logger Column = 1 << iota
	Msg
	Attrs
	Trace
	Span

	AllColumns = Logger | Msg | Attrs | Trace | Span
)

// Block is a head, its parts, and those of its columns that were read.
type Block struct {
	Head
	Has    Column
	Parts  []Part
	TS     []int32 // µs since Hour, less 1<<31: an hour has more of them than a positive int32 holds
	Levels []int16
	Logger string // joined by Unit
	Msg    string // joined by Unit
	Attrs  string // joined by Line
	Trace  []byte // 16 a record, zeroes for none
	Span   []byte // 8 a record, zeroes for none

	index index
}
