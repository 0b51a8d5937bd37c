package block

import (
	"bytes"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// contents is what a block's filter is told. Without a filter it does nothing. Not safe for concurrent use.
type contents struct {
	filter Filter
	space  Filter // where it is made
	name   uint64 // nameHash of the field that is told of
	called string
}

// start begins a filter, of the largest size: fitted makes it smaller.
func (c *contents) start(wanted bool) {
	c.filter = nil
	if !wanted {
		return
	}
	if c.space == nil {
		c.space = make(Filter, MaxFilter)
	}
	clear(c.space)
	c.filter = c.space
}

// finish is the filter; nil if there is none.
func (c *contents) finish() Filter {
	if c.filter == nil {
		return nil
	}
	return bytes.Clone(c.filter.fitted())
}

func (c *contents) text(s string) {
	if c.filter != nil {
		c.filter.addText(s)
	}
}

func (c *contents) trace(id []byte) {
	if c.filter != nil {
		c.filter.addTrace(id)
	}
}

// field says whose values are told from now on.
func (c *contents) field(name string) { c.called, c.name = name, nameHash(name) }

// pair takes in a value, decoded, that no word is looked for in: its digits are hexadecimal.
func (c *contents) pair(text string) {
	if c.filter != nil && !fractional(text) {
		c.filter.addPair(c.name, text)
	}
}

// number takes in one that decimal reads: an integer is its own query.Number.String.
func (c *contents) number(s string) {
	if c.filter != nil && strings.IndexByte(s, '.') < 0 {
		c.filter.addPair(c.name, s)
	}
}

// value takes in any, as JSON writes it.
func (c *contents) value(raw string) {
	if c.filter == nil {
		return
	}
	if raw[0] == '"' && strings.IndexByte(raw, '\\') < 0 {
		c.filter.addText(raw)
		c.pair(raw[1 : len(raw)-1])
		return
	}
	walkValue(raw, c.called, c.visit)
}

// visit takes in what stands somewhere in a value: its name, its words and, of a scalar, its tokens (query.Value.Tokens).
func (c *contents) visit(path, text []byte, kind query.ValueKind) {
	c.filter.addText(string(path))
	c.filter.addText(string(text))
	if kind > query.Truth {
		return
	}
	name, token := nameHash(textOf(path)), string(text)
	if !fractional(token) {
		c.filter.addPair(name, token)
	}
	if kind != query.Digits {
		return
	}
	if n, ok := query.ParseNumber(token); ok && n.Whole && n.String() != token {
		c.filter.addPair(name, n.String())
	}
}
