package block

import (
	"log/slog"
	"time"
)

// Most is the number of records of the largest block. A record's id is its first block's id times Most, plus its
// place there; it stays when blocks are joined.
const Most = 1 << 12

// Separators behind each text of a list but the last. Messages may hold lines, attributes are JSON, which holds
// no control character; record.From replaces Unit in what it reads.
const (
	Unit = "\x1e" // between loggers, pieces of messages, shapes
	Line = "\n"   // between values of a field
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
type Column uint16

// The columns: those with texts, which a caller asks for, and those that come along as they are needed.
const (
	Logger Column = 1 << iota
	Msg
	Attrs
	Trace
	Span
	TS
	Level
	Places // parts
	// What messages and attributes are made of, without which record has what: see Matcher.First. Msg and Attrs have them, too.
	MsgLists
	AttrLists

	AllColumns = Logger | Msg | Attrs | Trace | Span
	Everything = AllColumns | TS | Level | Places
)

// Block is a head, its parts, and those of its columns that were read.
type Block struct {
	Head
	Has   Column
	Parts []Part
	Coded Coded

	index index
}

// Coded are the columns of a block as they lie in the database. Columns that were not read are zero. A column that
// says something else than its head does (the working role may insert what it likes) is found by Check; whoever
// decodes one all the same gets empty texts, and no panic.
type Coded struct {
	Base    int64   // µs from Head.Hour to the earliest record …
	TS      Codes   // … and from there to each
	Levels  []int16 // the distinct ones, as they appeared
	Level   Codes   // into Levels
	Loggers string  // the distinct ones, joined by Unit; "" is one empty logger
	Logger  Codes   // into Loggers
	Words   string  // pieces of messages, joined by Unit
	Msg     Codes   // k+1 is piece k, 0 ends a message; as many as there are, not one a record
	Traces  []byte  // the distinct ones, 16 bytes each, zeroes for none
	Trace   Codes   // into Traces
	Span    []byte  // 8 a record, zeroes for none; empty when there is none at all
	Shapes  string  // the distinct ones, joined by Unit: JSON, where Mark, the number of a field and Mark stand for a value
	Shape   Codes   // into Shapes
	Fields  []Field // what the shapes leave out
}

// Mark stands before and behind the number of a field in a shape. JSON has no control character.
const Mark = "\x1a"

// Field is one attribute's values: one for each time that a shape of a record has it, in the records' order.
type Field struct {
	Name   string // as query.Attr has it; "" holds whole objects, too: those that no shape was left for
	Kind   Kind
	Values string // of Texts: one each; of Words: the distinct ones; raw JSON, joined by Line
	Base   int64  // of Numbers
	Scale  int    // of Numbers: digits behind the point, at most 9; of Hex: digits of a value
	Codes  Codes  // of Words: into Values; of Numbers: less Base; of Hex and UUID: the digits as bits
}

// Kind is how a field is coded.
type Kind int16

// The kinds. Their numbers are stored.
const (
	Texts   Kind = 0
	Words   Kind = 1
	Numbers Kind = 2 // (Base + code) / 10^Scale, without zeroes at the end of a fraction
	Hex     Kind = 3 // strings of Scale lower-case hexadecimal digits; the width is 4 × Scale
	UUID    Kind = 4 // strings of 8-4-4-4-12 of them; the width is 128
)
