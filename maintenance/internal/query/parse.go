package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of one query. They keep what a stranger may ask of the store small.
const (
	MaxLength = 4096 // bytes
	MaxTerms  = 64   // terms, negations and parentheses together
	MaxDepth  = 16   // of parentheses
	MaxField  = 256  // bytes of a field's name
)

// Parse reads a query. The empty one asks for everything. Errors are *Error.
func Parse(text string) (Expr, error) {
	if len(text) > MaxLength {
		return nil, &Error{MaxLength, fmt.Sprintf("a query has at most %d bytes, this one has %d", MaxLength, len(text))}
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
		return nil, p.errorf("a parenthesis is closed that was not opened")
	}
	return e, nil
}

type parser struct {
	scanner
	terms   int
	program int    // steps of the regular expressions so far
	wide    int    // their classes of many characters so far
	about   *field // within the parentheses of field:(…)
}

// field is the left side of a comparison.
type field struct {
	column
	key   string // as written
	op    Op
	colon bool // it was written ":": /…/ is a regular expression
	start int
}

func (p *parser) or(depth int) (Expr, error) {
	if depth > MaxDepth {
		return nil, p.errorf("parentheses are nested more than %d deep", MaxDepth)
	}
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	any := Or{first}
	for at := p.pos; p.keyword("OR", "or"); at = p.pos {
		if empty(any[len(any)-1]) {
			p.pos = at
			p.space()
			return nil, p.errorf(`or needs a term on both sides; to look for the word write "or"`)
		}
		next, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		if empty(next) {
			return nil, p.errorf(`or needs a term on both sides; to look for the word write "or"`)
		}
		any = append(any, next)
	}
	if len(any) == 1 {
		return first, nil
	}
	return any, nil
}

// empty tells a side without any term, which would hold for everything, and nobody means that.
func empty(e Expr) bool {
	and, ok := e.(And)
	return ok && len(and) == 0
}

func (p *parser) and(depth int) (Expr, error) {
	all := And{}
	for {
		joined := p.keyword("AND", "and")
		p.space()
		end := p.done() || p.at(')') || p.ahead("OR", "or")
		if joined && (end || len(all) == 0 || p.ahead("AND", "and")) {
			return nil, p.errorf(`and needs a term on both sides; to look for the word write "and"`)
		}
		if end {
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
	if err := p.count(); err != nil {
		return nil, err
	}
	switch {
	case p.keyword("NOT"):
		if p.space(); p.done() || p.at(')') || p.ahead("OR", "or", "AND", "and") {
			return nil, p.errorf(`NOT needs a term behind it; to look for the word write "NOT"`)
		}
		e, err := p.unary(depth)
		return Not{e}, err
	case p.take('-'):
		if p.ended() && !p.at('(') {
			return nil, p.errorf("a minus needs a term right behind it")
		}
		e, err := p.unary(depth)
		return Not{e}, err
	case p.take('('):
		return p.group(depth)
	default:
		return p.term(depth)
	}
}

func (p *parser) count() error {
	if p.terms++; p.terms > MaxTerms {
		return p.errorf("a query has at most %d terms", MaxTerms)
	}
	return nil
}

func (p *parser) group(depth int) (Expr, error) {
	e, err := p.or(depth + 1)
	if err != nil {
		return nil, err
	}
	if p.space(); !p.at(')') {
		return nil, p.errorf("a parenthesis is not closed")
	}
	if empty(e) {
		return nil, p.errorf("there is nothing within the parentheses")
	}
	p.pos++
	return e, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{p.pos, fmt.Sprintf(format, args...)}
}
