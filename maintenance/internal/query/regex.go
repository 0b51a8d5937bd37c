package query

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Bounds of regular expressions: reading and running them takes time that grows with their size.
const (
	MaxPattern = 512 // bytes of one
	MaxProgram = 500 // steps that all of a query compile to
	maxWide    = 32  // classes like \pL in all of a query; a range that ends beyond ASCII counts as 8
)

// compiled is a program with its origin.
type compiled struct{ re *regexp.Regexp }

// Regexp is the compiled pattern; nil when the node was not made by Parse. It may be used concurrently.
func (r Regex) Regexp() *regexp.Regexp {
	if r.compiled == nil {
		return nil
	}
	return r.compiled.re
}

// Equal compares what was written.
func (r Regex) Equal(o Regex) bool {
	return r.Field == o.Field && r.Kind == o.Kind && r.Pattern == o.Pattern && r.Fold == o.Fold
}

// source is the pattern with its flags, as regexp reads it.
func (r Regex) source() string {
	if r.Fold {
		return "(?i)" + r.Pattern
	}
	return r.Pattern
}

// tree is the pattern as it was understood.
func (r Regex) tree() (*syntax.Regexp, error) {
	flags := syntax.Perl
	if r.Fold {
		flags |= syntax.FoldCase
	}
	return syntax.Parse(r.Pattern, flags)
}

// regex reads /pattern/flags behind a field, or alone.
func (p *parser) regex(f *field) (Expr, error) {
	start := p.pos
	asText := "; to look for the text put it in quotes"
	if f.key != "" {
		asText = fmt.Sprintf("; to compare with a text that begins and ends with a slash write %s=/…/", cut(f.key))
	}
	pattern, closed := p.slashed()
	if !closed {
		return nil, &Error{start, "a regular expression is not closed by a slash" + asText}
	}
	end := p.pos
	r := Regex{Field: f.name, Kind: f.kind, Pattern: pattern, Fold: p.take('i')}
	if !p.ended() {
		return nil, &Error{end, "a regular expression ends with its slash, or with /i to ignore case; a slash within is written \\/" + asText}
	}
	if r.Kind == Level || r.Kind == Sequence || r.Kind == Time {
		return nil, &Error{start, r.Field + " is no text: it can be compared with = != < <= > >="}
	}
	if err := p.compile(&r); err != nil {
		return nil, &Error{start + placeOf(err, p.text[start:end]), err.Error()}
	}
	return r, nil
}

// placeOf is where in the text the part of a regular expression stands that is wrong; 0 when nobody knows.
func placeOf(err error, text string) int {
	var bad *syntax.Error
	if !errors.As(err, &bad) {
		return 0
	}
	return max(0, strings.Index(text, bad.Expr))
}

// compile makes the program, unless it would be too large; that is decided before it is made.
func (p *parser) compile(r *Regex) error {
	if r.Pattern == "" || len(r.Pattern) > MaxPattern {
		return fmt.Errorf("a regular expression has 1 to %d bytes, this one has %d", MaxPattern, len(r.Pattern))
	}
	if p.wide += wide(r.Pattern); p.wide > maxWide {
		return fmt.Errorf(`the regular expressions of a query have at most %d classes like \pL, or %d ranges that end beyond ASCII`, maxWide, maxWide/8)
	}
	tree, err := r.tree()
	if err != nil {
		return explain(err)
	}
	if p.program += steps(tree) + 2; p.program > MaxProgram {
		return fmt.Errorf("the regular expressions of a query have at most %d steps, repetitions multiplied out; with this one it is %d", MaxProgram, p.program)
	}
	re, err := regexp.Compile(r.source())
	if err != nil {
		return explain(err)
	}
	r.compiled = &compiled{re}
	return nil
}

// wide counts what is short to write and long to work out: regexp folds every character of a range on its own.
func wide(pattern string) (n int) {
	n = strings.Count(pattern, `\p`) + strings.Count(pattern, `\P`)
	for rest := range strings.SplitSeq(pattern, "-") {
		code := len(rest) > 1 && rest[0] == '\\' && (rest[1] == 'x' || '0' <= rest[1] && rest[1] <= '7')
		if code || rest != "" && rest[0] >= utf8.RuneSelf {
			n += 8
		}
	}
	return n
}

// regexError is what regexp says, in few words.
type regexError struct {
	syntax *syntax.Error
	text   string
}

func (e *regexError) Error() string { return e.text }
func (e *regexError) Unwrap() error { return e.syntax }

func explain(err error) error {
	var bad *syntax.Error
	if !errors.As(err, &bad) {
		return err
	}
	more := ""
	if bad.Code == syntax.ErrInvalidPerlOp || strings.HasPrefix(bad.Expr, `\`) {
		more = "; look-around and back references do not exist here"
	}
	return &regexError{bad, fmt.Sprintf("%s: %s%s", bad.Code, cite(bad.Expr), more)}
}

// steps is about the size of the program that the tree compiles to, and never less.
func steps(tree *syntax.Regexp) int {
	const plenty = 1 << 20 // does not overflow, however often it is multiplied
	n := 0
	for _, sub := range tree.Sub {
		n += steps(sub)
	}
	switch tree.Op {
	case syntax.OpLiteral:
		n = len(tree.Rune)
	case syntax.OpRepeat:
		if tree.Min != tree.Max {
			n++
		}
		n = n*max(tree.Min, tree.Max, 1) + 1
	case syntax.OpCapture, syntax.OpStar:
		n += 2
	case syntax.OpPlus, syntax.OpQuest:
		n++
	case syntax.OpAlternate:
		n += len(tree.Sub)
	}
	return min(max(n, 1), plenty)
}
