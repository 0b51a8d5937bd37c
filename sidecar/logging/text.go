package logging

import (
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string of at most limit bytes of s. What does not fit is replaced by a
// mark with the original size; invalid UTF-8 becomes U+FFFD.
func appendQuoted(dst []byte, s string, limit int) []byte {
	if len(s) > limit {
		return appendCut(dst, s, limit, len(s))
	}
	return append(appendEscaped(append(dst, '"'), s), '"')
}

// appendCut appends at most limit bytes of s, the beginning of a text of the given size, with the mark.
func appendCut(dst []byte, s string, limit, size int) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, s[:runeStart(s, limit)])
	dst = append(dst, "…[truncated, "...)
	dst = strconv.AppendInt(dst, int64(size), 10)
	return append(dst, " bytes]\""...)
}

// runeStart is the last place at or before limit where a rune begins, or the end.
func runeStart(s string, limit int) int {
	if limit >= len(s) {
		return len(s)
	}
	for i := limit; i > limit-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return limit
}

func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = append(dst, s[start:i]...)
			dst = appendControl(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			dst = appendOddRune(dst, r)
			start = i + n
		}
		i += n
	}
	return append(dst, s[start:]...)
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// appendOddRune writes what JSON or JavaScript would trip over.
func appendOddRune(dst []byte, r rune) []byte {
	switch r {
	case '\u2028':
		return append(dst, `\u2028`...)
	case '\u2029':
		return append(dst, `\u2029`...)
	}
	return append(dst, `\ufffd`...)
}
