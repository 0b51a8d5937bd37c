package pg

import (
	"slices"
	"strings"
)

// maxSummary bounds a summary, in bytes, as the conventions do.
const maxSummary = 255

// summary is what a statement does and to what, OpenTelemetry's db.query.summary: "SELECT types", "SELECT fires UPDATE fires". Of
// a text without literals it takes commands and names of relations, but none that WITH makes, and of a long number in a name, such
// as a partition's hour, a "?". A SELECT from no relation has the function that it calls. "": the text begins with no command that
// is known.
func summary(text string) string {
	s := &summarizer{text: text, frames: make([]frame, 1, 8)}
	for s.at < len(text) && !s.over {
		s.next()
	}
	switch {
	case len(s.out) > 0:
		return string(s.out)
	case s.function != "":
		return s.first + " " + s.function
	default:
		return s.first
	}
}

// summarizer reads a statement once, and knows which command each of the open parentheses is in.
type summarizer struct {
	text   string
	at     int
	over   bool // what follows says no more
	frames []frame
	with   []string // names that the statement makes, in capitals
	wants  want     // of the next name
	out    []byte

	first, function string // command; what a SELECT from nowhere calls
	verb, target    string // the last in out
}

// frame is one pair of parentheses; the first is the statement itself.
type frame struct {
	verb string // the command in it
	last string // word in it, in capitals
	list bool   // of sources: a comma leads to another one
}

type want int

const (
	nothing want = iota
	relation
	source // of rows: with parentheses behind it, it is a function
)

// commands that a statement begins with, and what is wanted behind them.
var commands = map[string]want{
	"SELECT": nothing, "INSERT": nothing, "UPDATE": relation, "DELETE": nothing, "MERGE": nothing, "VALUES": nothing,
	"COPY": relation, "CALL": relation, "TRUNCATE": relation, "LOCK": relation, "CREATE": nothing, "ALTER": nothing, "DROP": nothing,
	"LISTEN": relation, "UNLISTEN": relation, "NOTIFY": relation, "BEGIN": nothing, "COMMIT": nothing, "ROLLBACK": nothing,
	"SAVEPOINT": nothing, "RELEASE": nothing, "SET": nothing, "SHOW": nothing, "RESET": nothing, "DO": nothing, "EXPLAIN": nothing,
	"VACUUM": nothing, "ANALYZE": nothing, "REFRESH": nothing, "DISCARD": nothing,
}

// next takes one name or one character.
func (s *summarizer) next() {
	f := &s.frames[len(s.frames)-1]
	switch c := s.text[s.at]; {
	case c == '$':
		s.at, _ = dollarQuoted(s.text, s.at) // a placeholder
		return
	case c == '"' || word(c) && !digit(c):
		name := s.name()
		upper := strings.ToUpper(name)
		s.word(f, name, upper)
		f.last = upper
		return
	case c == '(':
		s.wants = nothing // what follows is a query of its own
		s.frames = append(s.frames, frame{})
	case c == ')' && len(s.frames) > 1:
		s.frames = s.frames[:len(s.frames)-1]
	case c == ',' && f.list:
		s.wants = source
	}
	s.at++
}

// name reads one, with its schema.
func (s *summarizer) name() string {
	from := s.at
	for s.at < len(s.text) && (s.text[s.at] == '"' || s.text[s.at] == '.' || word(s.text[s.at])) {
		if s.text[s.at] == '"' {
			s.at = quoted(s.text, s.at, false)
		} else {
			s.at++
		}
	}
	return s.text[from:s.at]
}

// ahead is the text that follows, without the blank.
func (s *summarizer) ahead() string { return strings.TrimLeft(s.text[s.at:], " ") }

func (s *summarizer) word(f *frame, name, upper string) {
	wants, known := commands[upper]
	begins := len(s.frames) == 1 && f.last == "" && s.first == ""
	switch {
	case begins && upper == "WITH":
	case begins && !known:
		s.over = true
	case begins, queries(upper) && !partOfAnother(f.last):
		f.verb, f.list, s.wants = upper, false, wants
		if s.first == "" {
			s.first = upper
		}
	case s.keyword(f, upper):
	case s.wants != nothing:
		s.aim(f, name, upper)
	case s.function == "" && f.last == "SELECT" && strings.HasPrefix(s.ahead(), "("):
		s.function = name
	}
}

// queries are the commands that can stand within another one.
func queries(upper string) bool {
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"}, upper)
}

// partOfAnother: FOR UPDATE, FOR NO KEY UPDATE, DO UPDATE, ON DELETE, WHEN MATCHED THEN INSERT.
func partOfAnother(last string) bool {
	return slices.Contains([]string{"FOR", "KEY", "DO", "ON", "THEN"}, last)
}

// keyword takes a word that says what the next name is, and reports whether it is one.
func (s *summarizer) keyword(f *frame, upper string) bool {
	switch upper {
	case "AS":
		if ahead := strings.ToUpper(s.ahead()); f.verb == "" && (strings.HasPrefix(ahead, "(") || strings.HasPrefix(ahead, "MATERIALIZED") || strings.HasPrefix(ahead, "NOT MATERIALIZED")) {
			s.with = append(s.with, f.last)
		}
	case "FROM", "USING":
		from := upper == "FROM" && f.last != "DISTINCT" && slices.Contains([]string{"SELECT", "DELETE", "UPDATE"}, f.verb) // and not extract's
		if from || upper == "USING" && (f.verb == "DELETE" || f.verb == "MERGE") {
			s.wants, f.list = source, true
		}
	case "JOIN":
		s.wants = source
	case "INTO":
		s.wants = relation
	case "ONLY", "LATERAL", "IF", "NOT", "EXISTS", "CONCURRENTLY":
		return s.wants != nothing
	case "TABLE", "INDEX", "VIEW", "SCHEMA", "ROLE":
		if f.verb == "CREATE" || f.verb == "ALTER" || f.verb == "DROP" {
			f.verb, s.wants = f.verb+" "+upper, relation
			return true
		}
		return upper == "TABLE" && s.wants != nothing
	case "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "FOR", "SET", "ON", "VALUES", "RETURNING":
		f.list, s.wants = false, nothing
	default:
		return false
	}
	return true
}

// aim takes the name that was wanted.
func (s *summarizer) aim(f *frame, name, upper string) {
	wanted := s.wants
	s.wants = nothing
	if wanted == source && strings.HasPrefix(s.ahead(), "(") {
		s.function = name
		return
	}
	if f.verb == "" || slices.Contains(s.with, upper) {
		return
	}
	s.over = strings.Contains(f.verb, " ") // what a table is made of
	name = withoutNumbers(strings.ReplaceAll(name, `"`, ""))
	if f.verb == s.verb && name == s.target {
		return
	}
	more := " " + name
	if f.verb != s.verb {
		more = " " + f.verb + more
	}
	if len(s.out) == 0 {
		more = more[1:]
	}
	if len(s.out)+len(more) > maxSummary {
		s.over = true
		return
	}
	s.out, s.verb, s.target = append(s.out, more...), f.verb, name
}

// withoutNumbers has a "?" in the place of four digits and more.
func withoutNumbers(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		n := i
		for n < len(name) && digit(name[n]) {
			n++
		}
		switch {
		case n-i >= 4:
			b.WriteByte('?')
		case n > i:
			b.WriteString(name[i:n])
		default:
			b.WriteByte(name[i])
			n++
		}
		i = n
	}
	return b.String()
}
