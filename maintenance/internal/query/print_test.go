package query

import (
	"strings"
	"unicode"
)

// String is the expression in the language: Parse reads it as the same expression, if it is one from Parse and the
// text does not exceed MaxLength. That is the law that the tests hold Parse to.
func String(e Expr) string {
	var b strings.Builder
	write(&b, e, false)
	return b.String()
}

// write appends the node; within tells that a node of several terms needs parentheses.
func write(b *strings.Builder, e Expr, within bool) {
	switch e := e.(type) {
	case And:
		list(b, e, " ", within, func(part Expr) bool { _, and := part.(And); _, or := part.(Or); return and || or })
	case Or:
		list(b, e, " or ", within, func(part Expr) bool { _, or := part.(Or); return or })
	case Not:
		negation(b, e)
	case Text:
		b.WriteString(e.written())
	case Compare:
		b.WriteString(column{e.Field, e.Kind}.written() + e.operator() + e.written())
	case Regex:
		b.WriteString(e.written())
	case Exists:
		b.WriteString(column{e.Field, e.Kind}.written() + ":*")
	}
}

func list(b *strings.Builder, all []Expr, by string, within bool, inner func(Expr) bool) {
	if within {
		b.WriteByte('(')
	}
	for i, part := range all {
		if i > 0 {
			b.WriteString(by)
		}
		write(b, part, inner(part))
	}
	if within {
		b.WriteByte(')')
	}
}

// negation is a!=b where there is such a thing, and a minus elsewhere.
func negation(b *strings.Builder, n Not) {
	switch e := n.Expr.(type) {
	case Compare:
		if e.Op == Equal {
			b.WriteString(column{e.Field, e.Kind}.written() + "!=" + e.written())
			return
		}
	case Exists:
		b.WriteString(column{e.Field, e.Kind}.written() + "!=*")
		return
	}
	b.WriteByte('-')
	write(b, n.Expr, true)
}

func (t Text) written() string {
	plain := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '.' }
	switch {
	case t.Wild:
		return t.Value
	case t.Value == "" || strings.ContainsFunc(t.Value, func(r rune) bool { return !plain(r) }) || keywords(t.Value):
		return quote(t.Value)
	default:
		return t.Value
	}
}

func keywords(word string) bool {
	switch word {
	case "AND", "and", "OR", "or", "NOT":
		return true
	}
	return false
}

// operator is the one that people write: = for attributes, : for columns, if the value can stand behind it.
func (c Compare) operator() string {
	if c.Op != Equal || c.Kind == Attribute || c.Kind == Message {
		return c.Op.String()
	}
	if first := []rune(c.written() + " ")[0]; first == '"' || first == '*' || unicode.IsLetter(first) || unicode.IsDigit(first) {
		return ":"
	}
	return "="
}

func (c Compare) written() string {
	if c.Exact {
		return quote(c.Value)
	}
	return c.Value
}

func (r Regex) written() string {
	text := slash(r.Pattern)
	if r.Fold {
		text += "i"
	}
	if r.Kind == Message {
		return text
	}
	return column{r.Field, r.Kind}.written() + ":" + text
}

// written is the name in a query that stands for the field.
func (c column) written() string {
	switch {
	case c.kind != Attribute:
		return strings.TrimSuffix(c.name, "_id")
	case !plainKey(c.name):
		return quote(c.name)
	case named(c.name) != c:
		return attributeMark + c.name
	default:
		return c.name
	}
}

// plainKey reports whether the name can stand in a query without quotes.
func plainKey(name string) bool {
	s := scanner{text: name}
	return name != "" && name[0] != '-' && name[0] != '/' && s.key() == name
}

// quote is the inverse of quoted.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// slash is the inverse of slashed.
func slash(pattern string) string {
	b := []byte{'/'}
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '/':
			b = append(b, `\/`...)
		case c == '\\' && i+1 < len(pattern):
			i++
			b = append(b, c, pattern[i])
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '/'))
}
