package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error says what is wrong with a query and where.
type Error struct {
	Pos    int // byte offset from 0
	Detail string
}

func (e *Error) Error() string { return fmt.Sprintf("at %d: %s", e.Pos+1, e.Detail) }

// shown is how many characters of a long query Show prints on each side of the place.
const shown = 60

// Show is the query in one line, and below it a caret under the place and what is wrong. A long query is cut around
// the place.
func (e *Error) Show(text string) string {
	pos := max(0, min(e.Pos, len(text)))
	for pos > 0 && pos < len(text) && !utf8.RuneStart(text[pos]) {
		pos--
	}
	before, after := []rune(text[:pos]), []rune(text[pos:])
	head, tail := "", ""
	if len(before) > shown {
		head, before = "…", before[len(before)-shown:]
	}
	if len(after) > shown {
		tail, after = "…", after[:shown]
	}
	indent := strings.Repeat(" ", utf8.RuneCountInString(head)+len(before))
	return head + oneLine(before) + oneLine(after) + tail + "\n" + indent + "^ " + e.Detail
}

// oneLine replaces what would move the caret.
func oneLine(text []rune) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, string(text))
}
