package query

import (
	"cmp"
	"log/slog"
	"strings"
	"time"
)

// Record is what an expression looks at. Texts that are empty were not given.
type Record struct {
	TS          time.Time
	Level       slog.Level
	Service     string
	Instance    string
	Logger      string
	Msg         string
	Attrs       []byte // a JSON object
	TraceID     string // lower-case hexadecimal digits
	SpanID      string
	Epoch       string
	Class       string
	Seq         uint64 // 0: none
	Version     string
	Environment string
	Cluster     string
	Namespace   string
	Node        string
}

// Match is the plain meaning of the language: slow, obvious, and what every faster way is held against.
func Match(e Expr, r *Record) bool {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			if !Match(part, r) {
				return false
			}
		}
		return true
	case Or:
		for _, part := range e {
			if Match(part, r) {
				return true
			}
		}
		return false
	case Not:
		return !Match(e.Expr, r)
	case Text:
		return e.Holds(r.Msg) || anyAttr(r, func(a Attr) bool { return e.Holds(a.Key) || e.Holds(a.Text) })
	case Compare:
		return e.match(r)
	case Regex:
		if e.Kind == Attribute {
			return anyAttr(r, func(a Attr) bool { return a.Name == e.Field && e.HoldsValue(a.Value) })
		}
		return e.Holds(r.text(e.Field))
	case Exists:
		return e.match(r)
	default:
		return false
	}
}

func (c Compare) match(r *Record) bool {
	switch c.Kind {
	case Attribute:
		return anyAttr(r, func(a Attr) bool { return a.Name == c.Field && c.HoldsValue(a.Value) })
	case Level:
		return c.Op.Holds(cmp.Compare(r.Level, c.Level))
	case Time:
		return c.Op.Holds(r.TS.Compare(c.Time))
	case Sequence:
		return c.Op.Holds(sequence(r.Seq).Compare(c.Number))
	default:
		return c.Holds(r.text(c.Field))
	}
}

func (e Exists) match(r *Record) bool {
	switch e.Kind {
	case Attribute:
		return anyAttr(r, func(a Attr) bool { return a.Name == e.Field && a.Kind != Null })
	case Level, Time:
		return true
	case Sequence:
		return r.Seq > 0
	default:
		return r.text(e.Field) != ""
	}
}

// Holds reports whether one text, the message or what an attribute holds, contains what is looked for.
func (t Text) Holds(s string) bool { return contains(s, t.Value, t.Wild) }

func contains(s, value string, wild bool) bool {
	if wild {
		return within(parts(Fold(value)), Fold(s))
	}
	return strings.Contains(Fold(s), Fold(value))
}

// Holds reports whether the comparison is true of a column's text; the column is one of texts.
func (c Compare) Holds(s string) bool {
	switch {
	case c.Op == Contains:
		return contains(s, c.Value, !c.Exact)
	case c.Kind == Hex:
		return strings.HasPrefix(s, c.Value)
	case c.Exact:
		return s == c.Value
	case c.Kind == Logger && !strings.Contains(c.Value, "*"):
		return s == c.Value || strings.HasPrefix(s, c.Value+".")
	default:
		return glob(c.Value, s)
	}
}

// HoldsValue reports whether the comparison is true of one value of the attribute.
func (c Compare) HoldsValue(v Value) bool {
	switch {
	case !v.Scalar():
		return false
	case c.Op.Ordering():
		return c.measured(v, v.Kind != Truth)
	case c.Exact:
		return v.Text == c.Value
	default:
		return glob(c.Value, v.Text) || c.measured(v, v.Kind == Digits)
	}
}

// measured compares as a number, if that may be, or as a duration.
func (c Compare) measured(v Value, number bool) bool {
	switch c.Is {
	case Numeric:
		n, ok := ParseNumber(v.Text)
		return ok && number && c.Op.Holds(n.Compare(c.Number))
	case Timespan:
		d, ok := ParseDuration(v.Text)
		return ok && v.Kind == Phrase && c.Op.Holds(cmp.Compare(d, c.Duration))
	default:
		return false
	}
}

// Holds reports whether the pattern is found in a column's text.
func (r Regex) Holds(s string) bool { return r.Regexp() != nil && r.Regexp().MatchString(s) }

// HoldsValue reports whether the pattern is found in the text of one value of the attribute.
func (r Regex) HoldsValue(v Value) bool { return v.Scalar() && r.Holds(v.Text) }

func anyAttr(r *Record, ok func(Attr) bool) (found bool) {
	Attrs(r.Attrs, func(a Attr) { found = found || ok(a) })
	return found
}

func sequence(n uint64) Number {
	if int64(n) < 0 {
		return Number{Float: float64(n)}
	}
	return Integer(int64(n))
}

// text of the column that has one.
func (r *Record) text(column string) string {
	switch column {
	case "service":
		return r.Service
	case "instance":
		return r.Instance
	case "logger":
		return r.Logger
	case "msg":
		return r.Msg
	case "trace_id":
		return r.TraceID
	case "span_id":
		return r.SpanID
	case "epoch":
		return r.Epoch
	case "class":
		return r.Class
	case "version":
		return r.Version
	case "environment":
		return r.Environment
	case "cluster":
		return r.Cluster
	case "namespace":
		return r.Namespace
	case "node":
		return r.Node
	default:
		return ""
	}
}
