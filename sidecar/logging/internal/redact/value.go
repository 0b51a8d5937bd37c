package redact

import "strings"

// value finds the value that begins at i, behind at most a few blanks: quoted, an object or array, or bare.
func value(s string, i int) (match, int) {
	start := blanks(s, i)
	if start == len(s) {
		return none(start)
	}
	escaped := run(s, start, func(c byte) bool { return c == '\\' }) - start
	if open := start + escaped; open < len(s) && strings.IndexByte("\"'`", s[open]) >= 0 {
		return secret(s, open+1, quoteEnd(s, open+1, s[open], escaped))
	}
	if n := markLength(s[start:]); n > 0 {
		return secret(s, start, max(start+n, bareEnd(s, start+n)))
	}
	if s[start] == '{' || s[start] == '[' {
		return secret(s, start, bracketEnd(s, start))
	}
	return secret(s, start, bareEnd(s, start))
}

// secret hides s[start:end] unless there is nothing to hide in it.
func secret(s string, start, end int) (match, int) {
	if placeholder(s[start:end]) {
		return none(start)
	}
	return hit(start, end, Key)
}

// placeholder says that a value is none: nothing, a parameter of SQL or of a format, a literal of a language.
func placeholder(v string) bool {
	switch v {
	case "", "?", "%s", "%q", "%v", "%d", "null", "NULL", "nil", "<nil>", "None", "none", "true", "false", "undefined", "{}", "[]":
		return true
	}
	if v[0] == '$' && len(v) > 1 {
		return run(v, 1, isDigit) == len(v)
	}
	return strings.Trim(v, "*") == "" || markOnly(v)
}

// markOnly says that v is a mark already, of whatever kind.
func markOnly(v string) bool { return markLength(v) == len(v) }

// blanks skips up to four.
func blanks(s string, i int) int {
	for n := 0; n < 4 && i < len(s) && (s[i] == ' ' || s[i] == '\t'); n++ {
		i++
	}
	return i
}

// bareEnd is where a value without quotes ends; brackets at its end belong to what it stands in.
func bareEnd(s string, i int) int {
	end := len(s)
	if n := strings.IndexAny(s[i:], " \t\r\n&;\"',"); n >= 0 {
		end = i + n
	}
	for end > i && strings.IndexByte(")]}", s[end-1]) >= 0 {
		end--
	}
	return end
}

// quoteEnd is where the quote closes: one with no more backslashes before it than the opening one had, and, in SQL
// and libpq, not doubled.
func quoteEnd(s string, i int, quote byte, escaped int) int {
	backslashes := 0
	for ; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			backslashes++
			continue
		case s[i] == quote && quote == '\'' && i+1 < len(s) && s[i+1] == quote && backslashes == 0:
			i++
		case s[i] == quote && (backslashes <= escaped || backslashes%2 == 0 && escaped == 0):
			return i - min(backslashes, escaped)
		}
		backslashes = 0
	}
	return len(s)
}

// bracketEnd is behind the bracket that closes the one at i, or the end: a text may have been cut.
func bracketEnd(s string, i int) int {
	depth := 0
	for quote := byte(0); i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"':
			quote = c
		case c == '{', c == '[':
			depth++
		case c == '}', c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}
