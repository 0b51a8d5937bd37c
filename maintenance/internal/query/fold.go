package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// FoldRune is what a character is compared as where case does not matter: unicode.ToLower, but a character outside
// ASCII never becomes one inside (İ and the Kelvin sign stay themselves). So an ASCII text is found by its ASCII
// bytes alone. There are no other equivalences: ß is not ss, and ς is not σ.
func FoldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	if l := unicode.ToLower(r); l >= utf8.RuneSelf {
		return l
	}
	return r
}

// Fold is the text with every character folded. The result may be longer or shorter than the text.
func Fold(text string) string { return strings.Map(FoldRune, text) }

// parts are the texts between the stars.
func parts(pattern string) []string {
	return strings.FieldsFunc(pattern, func(r rune) bool { return r == '*' })
}

// within reports whether the texts stand in s, in this order, none overlapping another.
func within(parts []string, s string) bool {
	for _, p := range parts {
		i := strings.Index(s, p)
		if i < 0 {
			return false
		}
		s = s[i+len(p):]
	}
	return true
}

// glob reports whether all of s is what the pattern says; a star is anything, nothing too.
func glob(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	end := strings.LastIndexByte(rest, '*') + 1
	s, ok = strings.CutSuffix(s, rest[end:])
	return ok && within(parts(rest[:end]), s)
}
