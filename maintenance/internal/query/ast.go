package query

import "log/slog"

// Expr is a node: And, Or, Not, Text or Compare.
type Expr interface{ node() }

// And holds when all do; an empty And holds for every record.
type And []Expr

// Or holds when one does; it has at least two.
type Or []Expr

// Not holds when Expr does not.
type Not struct{ Expr Expr }

// Text is found in the message or in an attribute, whatever its case.
type Text struct{ Value string }

// Compare holds a field against a value.
type Compare struct {
	Field  string // canonical name of a column, or the attribute's key
	Kind   Kind
	Op     Op
	Value  string     // as written, without quotes
	Exact  bool       // it was quoted: * is no wildcard
	Level  slog.Level // of Kind Level
	Number float64    // of the ordering operators on Number and Attribute
}

// Kind of a field decides what may be asked of it.
type Kind uint8

// The kinds.
const (
	Attribute Kind = iota // any name that is no column: text, or a number for the ordering operators
	String                // service, instance, epoch …: equal, not equal, wildcards
	Logger                // as String, and it takes the loggers below it too
	Level                 // slog's levels, ordered
	Hex                   // trace and span: a prefix is enough
	Number                // seq
)

// Op is a comparison.
type Op uint8

// The operators; ":" is Equal too.
const (
	Equal Op = iota
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
)

func (And) node()     {}
func (Or) node()      {}
func (Not) node()     {}
func (Text) node()    {}
func (Compare) node() {}

// Ordering reports whether the operator asks for an order.
func (o Op) Ordering() bool { return o >= Less }

// String is the operator as written.
func (o Op) String() string {
	return [...]string{"=", "!=", "<", "<=", ">", ">="}[o]
}

// column says how a name in a query is stored and compared.
type column struct {
	name string
	kind Kind
}

func columnOf(name string) (column, bool) {
	switch name {
	case "service", "instance", "epoch", "class", "version", "environment", "cluster", "namespace", "node", "msg":
		return column{name, String}, true
	case "env":
		return column{"environment", String}, true
	case "logger":
		return column{name, Logger}, true
	case "level":
		return column{name, Level}, true
	case "trace", "trace_id":
		return column{"trace_id", Hex}, true
	case "span", "span_id":
		return column{"span_id", Hex}, true
	case "seq":
		return column{name, Number}, true
	default:
		return column{}, false
	}
}
