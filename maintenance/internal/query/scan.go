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

func (s *scanner) take(c byte) bool {
	if s.at(c) {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for !s.done() {
		r, n := utf8.DecodeRuneInString(s.text[s.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		s.pos += n
	}
}

// ahead reports whether the next word is exactly the keyword.
func (s *scanner) ahead(keyword string) bool {
	rest, ok := strings.CutPrefix(s.text[s.pos:], keyword)
	if !ok {
		return false
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || unicode.IsSpace(r) || r == '(' || r == ')'
}

func (s *scanner) keyword(keyword string) bool {
	s.space()
	if !s.ahead(keyword) {
		return false
	}
	s.pos += len(keyword)
	return true
}

// key takes a run of what names are made of.
func (s *scanner) key() string {
	return s.run(func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-/@$", r)
	})
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

func (s *scanner) operator() (Op, bool) {
	for _, o := range []struct {
		text string
		op   Op
	}{{"!=", NotEqual}, {"<=", LessEqual}, {">=", GreaterEqual}, {"<", Less}, {">", Greater}, {"=", Equal}, {":", Equal}} {
		if strings.HasPrefix(s.text[s.pos:], o.text) {
			s.pos += len(o.text)
			return o.op, true
		}
	}
	return Equal, false
}

func (s *scanner) value() (value string, exact bool, err error) {
	if s.at('"') {
		value, err = s.quoted()
		return value, true, err
	}
	return s.word(), false, nil
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
