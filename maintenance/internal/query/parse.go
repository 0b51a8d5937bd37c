package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of one query. They keep what a stranger may ask of the database small.
const (
	MaxLength = 4096 // bytes
	maxTerms  = 64
	maxDepth  = 16
)

// Error says what is wrong with a query and where.
type Error struct {
	Pos    int // byte offset from 0
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("at %d: %s", e.Pos+1, e.Detail) }

// Parse reads a query. The empty one asks for everything. Errors are *Error.
func Parse(text string) (Expr, error) {
	if len(text) > MaxLength {
		return nil, &Error{MaxLength, fmt.Sprintf("a query has at most %d bytes", MaxLength)}
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, &Error{0, "a query is UTF-8 text without NUL"}
	}
	p := &parser{scanner: scanner{text: text}}
	e, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.space(); !p.done() {
		return nil, p.errorf("unexpected %q", p.text[p.pos:p.pos+1])
	}
	return e, nil
}

type parser struct {
	scanner
	terms int
}

func (p *parser) or(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, p.errorf("parentheses are nested too deeply")
	}
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	any := Or{first}
	for p.keyword("OR") {
		next, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		any = append(any, next)
	}
	if len(any) == 1 {
		return first, nil
	}
	return any, p.noEmpty(any)
}

// noEmpty refuses "a OR": an empty side would hold for everything, which nobody means.
func (p *parser) noEmpty(any Or) error {
	for _, e := range any {
		if and, ok := e.(And); ok && len(and) == 0 {
			return p.errorf("OR needs a term on both sides")
		}
	}
	return nil
}

func (p *parser) and(depth int) (Expr, error) {
	all := And{}
	for {
		p.keyword("AND")
		if p.space(); p.done() || p.at(')') || p.ahead("OR") {
			break
		}
		e, err := p.unary(depth)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *parser) unary(depth int) (Expr, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, p.errorf("a query has at most %d terms", maxTerms)
	}
	if p.take('-') {
		if p.done() || p.at(' ') || p.at(')') {
			return nil, p.errorf("a minus needs a term right behind it")
		}
		e, err := p.unary(depth)
		return Not{e}, err
	}
	if p.take('(') {
		return p.group(depth)
	}
	return p.term()
}

func (p *parser) group(depth int) (Expr, error) {
	e, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.space(); !p.take(')') {
		return nil, p.errorf("a parenthesis is not closed")
	}
	return e, nil
}

func (p *parser) term() (Expr, error) {
	if p.at('"') {
		text, err := p.quoted()
		return Text{text}, err
	}
	start := p.pos
	if key := p.key(); key != "" {
		if op, ok := p.operator(); ok {
			return p.compare(start, key, op)
		}
	}
	p.pos = start
	word := p.word()
	if word == "" {
		return nil, p.errorf("a term is expected")
	}
	return Text{word}, nil
}

func (p *parser) compare(start int, key string, op Op) (Expr, error) {
	at := p.pos
	value, exact, err := p.value()
	if err != nil {
		return nil, err
	}
	if value == "" && !exact {
		return nil, &Error{at, "a value is expected after " + key + op.String()}
	}
	c := Compare{Field: key, Op: op, Value: value, Exact: exact}
	if col, ok := columnOf(key); ok {
		c.Field, c.Kind = col.name, col.kind
	} else {
		c.Field = strings.TrimPrefix(key, "attr.")
	}
	if err := c.check(); err != nil {
		return nil, &Error{at, err.Error()}
	}
	if c.Field == "" {
		return nil, &Error{start, "the name of an attribute is expected after attr."}
	}
	return c, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{p.pos, fmt.Sprintf(format, args...)}
}
