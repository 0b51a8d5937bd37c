package query

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"
)

// Needs are conditions that every record fulfils that an expression holds for. They are conservative: a record that
// fulfils them need not match. With their help blocks of records are skipped unread.
type Needs struct {
	MinLevel slog.Level // inclusive; level has 16 bits
	MaxLevel slog.Level // inclusive
	Since    time.Time  // inclusive; zero: open
	Until    time.Time  // inclusive; zero: open
	Services []string   // one of these; nil: any
	Traces   []string   // one of these, of 32 digits; nil: any, or none
	Grams    []string   // each stands, folded, in the message or in the JSON of the attributes (see gramsOf)
	Names    []string   // each is the full name of an attribute (Attr.Name) that is not null
	Pairs    []Pair     // each is fulfilled by an attribute
}

// Pair asks for an attribute of this full name with a value that has one of the Values among its Tokens.
type Pair struct {
	Name   string
	Values []string
}

// Nothing reports that no record at all can fulfil the needs.
func (n Needs) Nothing() bool {
	none := func(s []string) bool { return s != nil && len(s) == 0 }
	return n.MinLevel > n.MaxLevel || none(n.Services) || none(n.Traces) ||
		(!n.Until.IsZero() && n.Since.After(n.Until))
}

// Require derives the needs of an expression.
func Require(e Expr) Needs {
	n := require(e)
	n.Grams = distinct(n.Grams)
	return n
}

func require(e Expr) Needs {
	switch e := e.(type) {
	case And:
		n := anything()
		for _, part := range e {
			n = both(n, require(part))
		}
		return n
	case Or:
		return oneOf(e)
	case Text:
		n := anything()
		n.Grams = gramsOf(e.Value, e.Wild)
		return n
	case Compare:
		return e.require()
	case Regex:
		return e.require()
	case Exists:
		n := anything()
		if e.Kind == Attribute {
			n.name(e.Field)
		}
		return n
	default:
		return anything()
	}
}

func anything() Needs { return Needs{MinLevel: math.MinInt16, MaxLevel: math.MaxInt16} }

func oneOf(parts []Expr) Needs {
	var all []Needs
	for _, part := range parts {
		if n := require(part); !n.Nothing() {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return Needs{MinLevel: 1, MaxLevel: 0}
	}
	n := all[0]
	for _, m := range all[1:] {
		n = either(n, m)
	}
	return n
}

func (c Compare) require() Needs {
	n := anything()
	switch {
	case c.Kind == Attribute:
		n.name(c.Field)
		c.requireValue(&n)
	case c.Kind == Message:
		n.Grams = gramsOf(c.Value, !c.Exact)
	case c.Kind == Level:
		n.levels(c)
	case c.Kind == Time:
		n.times(c)
	case c.Field == "trace_id" && len(c.Value) == hexDigits(c.Field):
		n.Traces = []string{c.Value}
	case c.Field == "service" && !c.wild():
		n.Services = []string{c.Value}
	}
	return n
}

func (c Compare) wild() bool { return !c.Exact && strings.Contains(c.Value, "*") }

// requireValue: a number may be written in many ways, and a duration too.
func (c Compare) requireValue(n *Needs) {
	switch {
	case c.Op != Equal || c.Is == Timespan:
	case c.Is == Numeric:
		n.Pairs = []Pair{{c.Field, distinct([]string{c.Value, c.Number.String()})}}
	default:
		n.Grams = append(n.Grams, gramsOf(c.Value, !c.Exact)...)
		if !c.wild() {
			n.Pairs = []Pair{{c.Field, []string{c.Value}}}
		}
	}
}

func (r Regex) require() Needs {
	n := anything()
	switch r.Kind {
	case Attribute:
		n.name(r.Field)
		n.Grams = append(n.Grams, r.grams()...)
	case Message:
		n.Grams = r.grams()
	}
	return n
}

// name: the parts of a name may be keys of their own or stand in one key.
func (n *Needs) name(field string) {
	n.Names = []string{field}
	for part := range strings.SplitSeq(field, ".") {
		n.Grams = append(n.Grams, gramsOf(part, false)...)
	}
}

func (n *Needs) levels(c Compare) {
	switch c.Op {
	case Less:
		n.MaxLevel = c.Level - 1
	case LessEqual:
		n.MaxLevel = c.Level
	case Greater:
		n.MinLevel = c.Level + 1
	case GreaterEqual:
		n.MinLevel = c.Level
	default:
		n.MinLevel, n.MaxLevel = c.Level, c.Level
	}
}

func (n *Needs) times(c Compare) {
	if c.Op != Greater && c.Op != GreaterEqual {
		n.Until = c.Time
	}
	if c.Op != Less && c.Op != LessEqual {
		n.Since = c.Time
	}
}

func distinct(all []string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}
