package query

import "strings"

// What begins with a slash is a regular expression if a slash closes it, now or a few words on, or if it is written as
// only regular expressions are. Else it is a path: a text as any other word.

// path takes such a word; false: it is none, and the scanner is where it was.
func (s *scanner) path() (word string, ok bool) {
	at := s.pos
	word = s.word()
	if len(word) < 2 || s.at('(') || strings.ContainsAny(word, `\^$|[]{}"`) || strings.Contains(word, ".*") || s.closes(word) {
		s.pos = at
		return "", false
	}
	return word, true
}

// closes reports whether a word from here on ends as a regular expression does, before anything else begins with a slash
// or a quote. A slash within that is not escaped is a mistake that is not to be passed over.
func (s *scanner) closes(word string) bool {
	at := s.pos
	defer func() { s.pos = at }()
	for {
		if strings.HasSuffix(word, "/") || strings.HasSuffix(word, "/i") {
			return true
		}
		for s.space(); s.at('(') || s.at(')'); s.space() {
			s.pos++
		}
		if s.done() || s.at('/') {
			return false
		}
		if word = s.word(); strings.Contains(word, `"`) || strings.Contains(word, ":/") || strings.Contains(word, "=/") {
			return false
		}
	}
}
