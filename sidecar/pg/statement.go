package pg

import "strings"

// maxStatement bounds the text that a span carries, in bytes.
const maxStatement = 2048

// withoutLiterals is the statement as a span may show it: each literal a "?", however it was written, comments left out,
// runs of white space one blank. Placeholders, names and keywords stay. What is not closed ends the text: a mistake shows
// less, never more.
func withoutLiterals(sql string) string {
	var b strings.Builder
	for i := 0; i < len(sql) && b.Len() < maxStatement; {
		c := sql[i]
		switch {
		case c == '\'':
			i = quoted(sql, i, escapes(sql, i))
			dropPrefix(&b)
			b.WriteByte('?')
		case c == '"':
			end := quoted(sql, i, false)
			b.WriteString(sql[i:end]) // a name
			i = end
		case c == '$' && !word(before(sql, i)):
			end, dollar := dollarQuoted(sql, i)
			if dollar {
				b.WriteByte('?')
			} else {
				b.WriteString(sql[i:end]) // a placeholder
			}
			i = end
		case digit(c) && !word(before(sql, i)):
			i = number(sql, i)
			b.WriteByte('?')
		case strings.HasPrefix(sql[i:], "--"):
			i = lineEnd(sql, i)
		case strings.HasPrefix(sql[i:], "/*"):
			i = commentEnd(sql, i)
		case c <= ' ':
			blank(&b)
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return strings.ToValidUTF8(strings.TrimSpace(b.String()), "")
}

// escapes says whether a backslash escapes in the text that begins at i: E'…'.
func escapes(sql string, i int) bool {
	return i > 0 && (sql[i-1] == 'e' || sql[i-1] == 'E') && !word(before(sql, i-1))
}

// quoted is where the text that begins with a quote at i ends.
func quoted(sql string, i int, escapes bool) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch {
		case escapes && sql[i] == '\\':
			i++
		case sql[i] != quote:
		case i+1 < len(sql) && sql[i+1] == quote:
			i++
		default:
			return i + 1
		}
	}
	return len(sql)
}

// dropPrefix takes back the E, B, X, N or U& that stands before a literal's quote.
func dropPrefix(b *strings.Builder) {
	text := b.String()
	for _, prefix := range []string{"U&", "u&", "E", "e", "B", "b", "X", "x", "N", "n"} {
		if rest, ok := strings.CutSuffix(text, prefix); ok && (rest == "" || !word(rest[len(rest)-1])) {
			b.Reset()
			b.WriteString(rest)
			return
		}
	}
}

// dollarQuoted is where what begins with a $ at i ends, and whether it is a literal ($$…$$, $tag$…$tag$) and no placeholder.
func dollarQuoted(sql string, i int) (end int, literal bool) {
	tag := i + 1
	for tag < len(sql) && word(sql[tag]) && sql[tag] != '$' {
		tag++
	}
	if tag == len(sql) || sql[tag] != '$' || digit(sql[i+1]) {
		return tag, false
	}
	mark := sql[i : tag+1]
	if n := strings.Index(sql[tag+1:], mark); n >= 0 {
		return tag + 1 + n + len(mark), true
	}
	return len(sql), true
}

// number is where the one that begins at i ends, with fraction, exponent, base and underscores.
func number(sql string, i int) int {
	for i < len(sql) && (word(sql[i]) || sql[i] == '.' || (sql[i] == '+' || sql[i] == '-') && (sql[i-1] == 'e' || sql[i-1] == 'E')) {
		i++
	}
	return i
}

func lineEnd(sql string, i int) int {
	if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(sql)
}

// commentEnd knows that comments nest.
func commentEnd(sql string, i int) int {
	for depth := 0; i < len(sql); i++ {
		switch {
		case strings.HasPrefix(sql[i:], "/*"):
			depth++
			i++
		case strings.HasPrefix(sql[i:], "*/"):
			i++
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(sql)
}

func blank(b *strings.Builder) {
	if s := b.String(); s != "" && s[len(s)-1] != ' ' {
		b.WriteByte(' ')
	}
}

// before is the byte before i; 0 at the begin.
func before(sql string, i int) byte {
	if i == 0 {
		return 0
	}
	return sql[i-1]
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// word says whether c can be inside of a name.
func word(c byte) bool {
	return digit(c) || c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
