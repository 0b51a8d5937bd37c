// Package logs is the reading side of the log: pages of records that match a query, the gaps that lie
// among them, and tails that follow what is stored by any replica.
package logs

import (
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// ErrTooSlow is returned for a query that the store gave up after its time limit.
var ErrTooSlow = errors.New("the query took too long")

// ErrBusy is returned when as many questions are being asked as may be, for longer than an answer may take.
var ErrBusy = errors.New("too many queries at once")

// Scope is what a caller may see.
type Scope struct {
	All      bool
	Services []string // without All: these only
}

// Key is a record's place in the order of the log.
type Key struct {
	TS time.Time
	ID int64
}

// Query asks for records in [Since, Until) that match Expr, at most Limit.
type Query struct {
	Expr         query.Expr
	Scope        Scope
	Since, Until time.Time
	Oldest       bool // oldest first; else newest first
	After        *Key // only what comes behind this key in the order asked for
	Limit        int
	Within       time.Duration // for the answer; 0: Budget
}

// Stored is a record with its place.
type Stored struct {
	Key
	record.Record
}

// Gap is a hole in what should be there.
type Gap struct {
	Service  string
	Instance string
	Epoch    string
	Class    string
	FromSeq  uint64
	ToSeq    uint64 // 0: unknown
	FromTS   *time.Time
	ToTS     *time.Time
	Cause    string
}

// Causes of gaps that show only when one asks; the others are the ledger's.
const (
	TailUnknown = "tail unknown" // the run ended without its last word
	NotArrived  = "not arrived"  // given out by a run that has ended, and not stored yet
)

// Delta is what became visible between two snapshots of the store, behind a key.
type Delta struct {
	Seen, Upto string
	After      *Key
}
