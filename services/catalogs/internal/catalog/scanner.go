package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// scanner reads a filter from the left.
type scanner struct{ rest string }

func (s *scanner) skip() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *scanner) end() bool {
	s.skip()
	return s.rest == ""
}

func (s *scanner) wants(what string) string {
	if s.end() {
		return "ends where " + what + " is expected"
	}
	return fmt.Sprintf("has %.20q where %s is expected", s.rest, what)
}

// word takes one whole word, in any case.
func (s *scanner) word(w string) bool {
	s.skip()
	if len(s.rest) <= len(w) || !strings.EqualFold(s.rest[:len(w)], w) || (s.rest[len(w)] != ' ' && s.rest[len(w)] != '\t') {
		return false
	}
	s.rest = s.rest[len(w):]
	return true
}

func (s *scanner) field() (Field, error) {
	s.skip()
	if strings.HasPrefix(s.rest, "@") {
		n := 1
		for n < len(s.rest) && nameByte(s.rest[n], false) {
			n++
		}
		name := s.rest[:n]
		s.rest = s.rest[n:]
		return parseAttribute(name)
	}
	var f Field
	for {
		name, err := s.name()
		if err != nil {
			return Field{}, err
		}
		if f.Path = append(f.Path, name); len(f.Path) > maxSegments {
			return Field{}, fmt.Errorf("has a field deeper than %d names", maxSegments)
		}
		if !strings.HasPrefix(s.rest, ".") {
			return f, nil
		}
		s.rest = s.rest[1:]
	}
}

func (s *scanner) name() (string, error) {
	if strings.HasPrefix(s.rest, `"`) {
		return s.quoted()
	}
	n := 0
	for n < len(s.rest) && nameByte(s.rest[n], n == 0) {
		n++
	}
	if n == 0 || n > maxName {
		return "", fmt.Errorf("%s", s.wants("the name of a field"))
	}
	name := s.rest[:n]
	s.rest = s.rest[n:]
	return name, nil
}

func nameByte(c byte, first bool) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
	return letter || !first && (c >= '0' && c <= '9' || c == '-')
}

func (s *scanner) operator() (Operator, error) {
	s.skip()
	for _, op := range []Operator{NotEqual, LessEqual, GreaterEqual, BeginsWith, Equal, Less, Greater} {
		if rest, ok := strings.CutPrefix(s.rest, string(op)); ok {
			s.rest = rest
			return op, nil
		}
	}
	return "", fmt.Errorf("%s", s.wants("one of = != < <= > >= ^="))
}

func (s *scanner) value() (json.RawMessage, error) {
	s.skip()
	if strings.HasPrefix(s.rest, `"`) {
		t, err := s.quoted()
		if err != nil {
			return nil, err
		}
		return encode(t)
	}
	word, rest, _ := strings.Cut(s.rest, " ")
	if word == "" {
		return nil, fmt.Errorf("%s", s.wants("a value"))
	}
	s.rest = rest
	return scalar(word)
}

// quoted takes a JSON string.
func (s *scanner) quoted() (string, error) {
	for i := 1; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++
		case '"':
			var t string
			if json.Unmarshal([]byte(s.rest[:i+1]), &t) != nil || strings.ContainsRune(t, 0) {
				return "", fmt.Errorf("has a text that is no JSON string")
			}
			s.rest = s.rest[i+1:]
			return t, nil
		}
	}
	return "", fmt.Errorf("has a text without its closing quote")
}

// scalar reads a word as what JSON takes it for, else as a text.
func scalar(word string) (json.RawMessage, error) {
	if strings.ContainsAny(word, "\"\x00<>=") || !utf8.ValidString(word) {
		return nil, fmt.Errorf(`has the value %.20q; write it in quotes`, word)
	}
	if v, err := parse([]byte(word)); err == nil {
		switch v.(type) {
		case map[string]any, []any:
		default:
			return json.RawMessage(word), nil
		}
	} else if word[0] == '-' || word[0] >= '0' && word[0] <= '9' {
		if json.Valid([]byte(word)) {
			return nil, err
		}
	}
	return encode(word)
}

// kind of a JSON scalar.
type kind int

const (
	null kind = iota
	boolean
	number
	text
)

func kindOf(v json.RawMessage) kind {
	switch v[0] {
	case 'n':
		return null
	case 't', 'f':
		return boolean
	case '"':
		return text
	default:
		return number
	}
}

// Text of a condition's value, if it is one.
func (c Condition) Text() string {
	var t string
	_ = json.Unmarshal(c.Value, &t)
	return t
}

// Time of a condition's value.
func (c Condition) Time() (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, c.Text())
	if err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = fmt.Errorf("year out of range")
	}
	return t, err
}

// UUID of a condition's value.
func (c Condition) UUID() (string, error) {
	if len(c.Text()) != 36 {
		return "", fmt.Errorf("not a UUID")
	}
	id, err := uuid.Parse(c.Text())
	return id.String(), err
}

// IsNull reports a comparison with null.
func (c Condition) IsNull() bool { return kindOf(c.Value) == null }
