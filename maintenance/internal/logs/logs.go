// Package logs is the reading side of the log: pages of records that match a query, histograms, patterns, top values,
// the records around one, exports, tails that follow what is stored by any replica, and the gaps that lie among them.
// It knows blocks and the language; where blocks are kept is the business of its Store.
package logs

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// ErrTooSlow is returned for a query that the store gave up after its time limit.
var ErrTooSlow = errors.New("the query took too long")

// ErrBusy is returned when as many questions are being asked as may be, for longer than an answer may take.
var ErrBusy = errors.New("too many queries at once")

// ErrUnknown is returned for a record that is not there, or not to be seen by who asks.
var ErrUnknown = errors.New("no such log record")

// Budget is the time that one answer may take.
const Budget = 5 * time.Second

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

// Compare orders keys, the oldest first.
func (k Key) Compare(o Key) int { return cmp.Or(k.TS.Compare(o.TS), cmp.Compare(k.ID, o.ID)) }

// Query asks for records in [Since, Until) that match Expr, at most Limit.
type Query struct {
	Expr         query.Expr // nil: all
	Scope        Scope
	Since, Until time.Time
	Oldest       bool // oldest first; else newest first
	After        *Key // only what comes behind this key in the order asked for
	Delta        *Delta
	Limit        int
	Within       time.Duration // for the answer; 0: Budget
}

// Delta bounds a query to what became visible between two snapshots of the store.
type Delta struct {
	Seen *Snapshot // what it shows is left out; nil: nothing is
	Upto *Snapshot // what it does not show is left out; nil: nothing is
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

// Store is what is kept. Safe for concurrent use.
type Store interface {
	// View runs fn on what is visible at one moment. within bounds the whole; 0 is Budget.
	// Errors: ErrBusy, ErrTooSlow, and what fn returns.
	View(ctx context.Context, within time.Duration, fn func(View) error) error
	// Gaps lists the holes that meet [since, until), newest first.
	Gaps(ctx context.Context, scope Scope, since, until time.Time, limit int) ([]Gap, error)
}

// View is the log at one moment. Not safe for concurrent use.
type View interface {
	// Snapshot of the moment.
	Snapshot() *Snapshot
	// Scan goes through the blocks that may hold records of q, newest first by their last record or oldest first by
	// their first one, and shows those with a match. columns are those read besides what the expression needs. When time is up
	// before the end, rest is where the unread part begins: nothing on the near side of it is left.
	// Errors: ErrTooSlow when not even one block could be read.
	Scan(ctx context.Context, q Query, columns block.Column, v Visitor) (rest *time.Time, err error)
	// Load reads further columns of what Scan has shown.
	Load(ctx context.Context, columns block.Column, chunks ...*Chunk) error
	// Plan says what Scan would read. It reads filters at most.
	Plan(ctx context.Context, q Query) (Plan, error)
}

// Visitor is shown blocks.
type Visitor interface {
	// Wants is asked, in Scan's order, before a block is read; false: it need not be. Of a query that filters can be
	// asked about it is asked twice.
	Wants(h *block.Head) bool
	// Visit is shown a block with at least one match. The block may be kept.
	Visit(c *Chunk) error
}

// Chunk is a block of which some records match.
type Chunk struct {
	*block.Block
	Match block.Bitmap
}

// Key of the i-th record.
func (c *Chunk) Key(i int) Key { return Key{c.Time(i), c.RecordID(i)} }

// Stored is the i-th record with its place; all columns must have been read.
func (c *Chunk) Stored(i int) Stored { return Stored{c.Key(i), c.Record(i)} }

// ErrWidth is returned for a histogram that would have too many buckets, or too narrow ones.
var ErrWidth = errors.New("too many buckets, or too narrow ones")
