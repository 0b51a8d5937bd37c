package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanner walks the text; it never fails but for a quote that is not closed.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) done() bool { return s.pos >= len(s.text) }

func (s *scanner) at(c byte) bool { return !s.done() && s.text[s.pos] == c }

// sees reports whether the text goes on with one of these.
func (s *scanner) sees(prefixes ...string) (string, bool) {
	for _, p := range prefixes {
		if strings.HasPrefix(s.text[s.pos:], p) {
			return p, true
		}
	}
	return "", false
}

func (s *scanner) take(c byte) bool {
	if s.at(c) {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() { s.run(unicode.IsSpace) }

// ended reports whether a term ends here.
func (s *scanner) ended() bool {
	r, _ := utf8.DecodeRuneInString(s.text[s.pos:])
	return s.done() || unicode.IsSpace(r) || r == '(' || r == ')'
}

// ahead reports whether the next word is one of the keywords.
func (s *scanner) ahead(keywords ...string) bool {
	at := s.pos
	defer func() { s.pos = at }()
	s.space()
	word, ok := s.sees(keywords...)
	s.pos += len(word)
	return ok && s.ended()
}

// keyword takes one of the keywords, and the white space before it.
func (s *scanner) keyword(keywords ...string) bool {
	if !s.ahead(keywords...) {
		return false
	}
	s.space()
	word, _ := s.sees(keywords...)
	s.pos += len(word)
	return true
}

// key takes a run of what names are made of.
func (s *scanner) key() string { return s.run(inKey) }

func inKey(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-/@$#", r)
}

// word takes everything up to white space or a parenthesis.
func (s *scanner) word() string {
	return s.run(func(r rune) bool { return !unicode.IsSpace(r) && r != '(' && r != ')' })
}

func (s *scanner) run(ok func(rune) bool) string {
	start := s.pos
	for !s.done() {
		r, n := utf8.DecodeRuneInString(s.text[s.pos:])
		if !ok(r) {
			break
		}
		s.pos += n
	}
	return s.text[start:s.pos]
}

// operator takes an operator as it is written; "" when there is none.
func (s *scanner) operator() string {
	op, _ := s.sees("!=", "<=", ">=", "<", ">", "=", ":")
	s.pos += len(op)
	return op
}

// quoted takes a phrase in double quotes; a backslash takes the next character as it is.
func (s *scanner) quoted() (string, error) {
	start := s.pos
	s.pos++
	var b strings.Builder
	for !s.done() {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == '"':
			return b.String(), nil
		case c == '\\' && !s.done():
			b.WriteByte(s.text[s.pos])
			s.pos++
		default:
			b.WriteByte(c)
		}
	}
	return "", &Error{start, "a quote is not closed"}
}

// slashed takes a regular expression up to its closing slash; \/ is a slash within it.
func (s *scanner) slashed() (pattern string, closed bool) {
	s.pos++
	var b strings.Builder
	for !s.done() {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == '/':
			return b.String(), true
		case c == '\\' && s.take('/'):
			b.WriteByte('/')
		case c == '\\' && !s.done():
			b.WriteByte(c)
			b.WriteByte(s.text[s.pos])
			s.pos++
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
