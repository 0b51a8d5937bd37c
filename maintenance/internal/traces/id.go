package traces

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ID of a trace: 32 hexadecimal digits in small letters. One of 16 has zeros before them.
type ID string

// IDError says what is wrong with an id, and where.
type IDError struct {
	Position int // of the first wrong character, from 1
	Detail   string
}

func (e *IDError) Error() string { return fmt.Sprintf("at %d: %s", e.Position, e.Detail) }

// ParseID reads 32 or 16 hexadecimal digits. Errors: *IDError.
func ParseID(text string) (ID, error) {
	text = strings.ToLower(text)
	if at := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) }); at >= 0 {
		r, _ := utf8.DecodeRuneInString(text[at:])
		return "", &IDError{at + 1, fmt.Sprintf("%q is no hexadecimal digit; an id has 32 of them, or 16", r)}
	}
	switch n := len(text); {
	case n != 32 && n != 16:
		return "", &IDError{min(n, 32) + 1, fmt.Sprintf("an id has 32 hexadecimal digits, or 16; these are %d", n)}
	case strings.Trim(text, "0") == "":
		return "", &IDError{1, "the id of no trace: there are only zeros"}
	}
	return ID(strings.Repeat("0", 32-len(text)) + text), nil
}

// brief is the id without the zeros that fill one of 16 digits up.
func (id ID) brief() string { return strings.TrimPrefix(string(id), "0000000000000000") }

// is reports whether a trace store's id, which may lack zeros in front, is this one.
func (id ID) is(text string) bool {
	return strings.TrimLeft(strings.ToLower(text), "0") == strings.TrimLeft(string(id), "0")
}

// spanID has its zeros, which older Jaegers leave out.
func spanID(text string) string {
	if n := len(text); n > 0 && n < 16 {
		text = strings.Repeat("0", 16-n) + text
	}
	return short(strings.ToLower(text), maxName)
}
