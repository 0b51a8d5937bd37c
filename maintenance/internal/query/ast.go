package query

import (
	"log/slog"
	"time"
)

// Expr is a node: And, Or, Not, Text, Compare, Regex or Exists. What each means is what Match does. A tree from
// Parse is never changed and may be shared.
type Expr interface{ node() }

// And holds when all do; the empty And holds for every record.
type And []Expr

// Or holds when one does; it has at least two.
type Or []Expr

// Not holds when Expr does not. a!=b is Not{a=b}, so it holds for a record without a, too.
type Not struct{ Expr Expr }

// Text holds when the message, the name of an attribute or the text of one of its values contains Value, whatever
// its case (Fold). With Wild, what stands between the stars of Value must be contained in this order in one of them.
type Text struct {
	Value string
	Wild  bool
}

// Compare holds a field against a value. On an attribute it holds when one of the values of that name fulfils it.
type Compare struct {
	Field string // canonical name of a column, or the attribute's full name
	Kind  Kind
	Op    Op
	Value string // as written, without quotes; of Kind Hex in lower case
	Exact bool   // it was quoted: * is no wildcard, and nothing but the same text is equal

	Level    slog.Level    // of Kind Level
	Time     time.Time     // of Kind Time, UTC
	Is       Literal       // what else Value can be read as: of Kind Sequence always Numeric; of Kind Attribute any, unless Exact
	Number   Number        // of Numeric
	Duration time.Duration // of Timespan
}

// Regex holds when Pattern is found in the field: Go's syntax (RE2), unanchored. It is made by Parse.
type Regex struct {
	Field   string
	Kind    Kind   // Plain, Message, Logger, Hex or Attribute
	Pattern string // without the flags
	Fold    bool   // flag i

	compiled *compiled
}

// Exists holds when the record has the field at all: a column that is not empty, an attribute that is not null.
type Exists struct {
	Field string
	Kind  Kind
}

// Kind of a field decides what may be asked of it.
type Kind uint8

// The kinds.
const (
	Attribute Kind = iota // any name that is no column
	Plain                 // service, instance, epoch …: equal, wildcards
	Message               // msg: as Plain by =, and : looks into it as a free word does
	Logger                // as Plain, and it takes the loggers below it too
	Level                 // slog's levels, ordered
	Hex                   // trace and span: a prefix is enough
	Sequence              // seq, ordered
	Time                  // ts, ordered
)

// Op is a comparison.
type Op uint8

// The operators. Not equal is Not of Equal.
const (
	Equal    Op = iota
	Contains    // ":" of Kind Message, and of no other
	Less
	LessEqual
	Greater
	GreaterEqual
)

// Literal is what a value can be read as besides a text.
type Literal uint8

// The literals.
const (
	Words    Literal = iota // a text and nothing else
	Numeric                 // 42, -1.5, 1e6
	Timespan                // 1.5s, 2h45m: a number with a unit
)

func (And) node()     {}
func (Or) node()      {}
func (Not) node()     {}
func (Text) node()    {}
func (Compare) node() {}
func (Regex) node()   {}
func (Exists) node()  {}

// Ordering reports whether the operator asks for an order.
func (o Op) Ordering() bool { return o >= Less }

// Holds reports whether the operator is fulfilled when the field compares so to the value: -1, 0 or 1.
func (o Op) Holds(order int) bool {
	switch o {
	case Less:
		return order < 0
	case LessEqual:
		return order <= 0
	case Greater:
		return order > 0
	case GreaterEqual:
		return order >= 0
	default:
		return order == 0
	}
}

// String is the operator as written.
func (o Op) String() string { return [...]string{"=", ":", "<", "<=", ">", ">="}[o] }
