package query

import (
	"regexp/syntax"
	"strings"
	"unicode"
)

// gramsOf are texts, folded, that stand in every text that contains value. They are cut where JSON writes a
// character in another way, so that they stand in the folded JSON of attributes just so, too.
func gramsOf(value string, wild bool) (grams []string) {
	for _, part := range strings.FieldsFunc(Fold(value), escaped) {
		if wild {
			grams = append(grams, parts(part)...)
		} else {
			grams = append(grams, part)
		}
	}
	return grams
}

// escaped tells what encoding/json, or anybody, may write as an escape.
func escaped(r rune) bool {
	return unicode.IsControl(r) || strings.ContainsRune("\"\\/<>&\u2028\u2029\uFFFD", r)
}

// grams of a regular expression are the literal texts without which it finds nothing.
func (r Regex) grams() []string {
	tree, err := r.tree()
	if err != nil {
		return nil
	}
	return literals(tree)
}

func literals(tree *syntax.Regexp) (grams []string) {
	switch tree.Op {
	case syntax.OpLiteral:
		for _, part := range sure(tree) {
			grams = append(grams, gramsOf(part, false)...)
		}
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range tree.Sub {
			grams = append(grams, literals(sub)...)
		}
	case syntax.OpRepeat:
		if tree.Min > 0 {
			return literals(tree.Sub[0])
		}
	}
	return grams
}

// sure cuts a literal that is looked for in either case where regexp takes characters for equal that Fold does not:
// s is ſ there, and k the Kelvin sign.
func sure(literal *syntax.Regexp) []string {
	if literal.Flags&syntax.FoldCase == 0 {
		return []string{string(literal.Rune)}
	}
	return strings.FieldsFunc(string(literal.Rune), func(r rune) bool {
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			if FoldRune(o) != FoldRune(r) {
				return true
			}
		}
		return false
	})
}
