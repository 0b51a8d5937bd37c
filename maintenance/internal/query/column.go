package query

import "strings"

// column says how a name in a query is stored and compared.
type column struct {
	name string
	kind Kind
}

// columnOf knows the names that are columns, and what people call them besides.
func columnOf(name string) (column, bool) {
	switch name {
	case "service", "instance", "epoch", "class", "version", "environment", "cluster", "namespace", "node":
		return column{name, Plain}, true
	case "env":
		return column{"environment", Plain}, true
	case "msg":
		return column{name, Message}, true
	case "logger":
		return column{name, Logger}, true
	case "level":
		return column{name, Level}, true
	case "trace", "trace_id":
		return column{"trace_id", Hex}, true
	case "span", "span_id":
		return column{"span_id", Hex}, true
	case "seq":
		return column{name, Sequence}, true
	case "ts":
		return column{name, Time}, true
	default:
		return column{}, false
	}
}

// attributeMark before a name says that an attribute is meant, where a column has that name.
const attributeMark = "attr."

// named is the field that a name in a query stands for.
func named(key string) column {
	if c, ok := columnOf(key); ok {
		return c
	}
	return column{strings.TrimPrefix(key, attributeMark), Attribute}
}
