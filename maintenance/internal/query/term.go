package query

import "strings"

// term reads what stands between white space: text, /regex/ or a comparison; within field:(…) a value.
func (p *parser) term(depth int) (Expr, error) {
	if p.about != nil {
		return p.value(p.about)
	}
	start := p.pos
	if p.at('/') {
		if word, ok := p.path(); ok {
			return path(word), nil
		}
		return p.regex(&field{column: column{"msg", Message}, start: start})
	}
	if p.at('"') {
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		f := &field{column: column{text, Attribute}, key: text, start: start}
		if compared, e, err := p.compare(f, depth); compared {
			return e, err
		}
		return Text{Value: text}, nil
	}
	if key := p.key(); key != "" {
		f := &field{column: named(key), key: key, start: start}
		if compared, e, err := p.compare(f, depth); compared {
			return e, err
		}
	}
	p.pos = start
	return p.words()
}

// path is a word that begins with a slash. One with a star has one in front, which changes nothing but how it is written.
func path(word string) Text {
	if strings.Contains(word, "*") {
		return Text{Value: "*" + word, Wild: true}
	}
	return Text{Value: word}
}

// operatorOf is the operator as it is are compared; != is the negation of =.
func operatorOf(op string) Op {
	switch op {
	case "<":
		return Less
	case "<=":
		return LessEqual
	case ">":
		return Greater
	case ">=":
		return GreaterEqual
	default:
		return Equal
	}
}

// words reads a word to look for.
func (p *parser) words() (Expr, error) {
	if err := p.foreignTerm(); err != nil {
		return nil, err
	}
	word := p.word()
	if word == "" {
		return nil, p.errorf("a term is expected")
	}
	return Text{Value: word, Wild: strings.Contains(word, "*")}, nil
}

// compare reads the operator behind a field and what it is compared with; false when there is no operator.
func (p *parser) compare(f *field, depth int) (compared bool, e Expr, err error) {
	if err := p.foreignOperator(f); err != nil {
		return true, nil, err
	}
	op := p.operator()
	if op == "" {
		return false, nil, nil
	}
	if f.name == "" || len(f.name) > MaxField {
		return true, nil, &Error{f.start, "the name of an attribute is expected, of 1 to 256 bytes"}
	}
	f.op, f.colon = operatorOf(op), op == ":"
	if f.colon && f.kind == Message {
		f.op = Contains
	}
	e, err = p.values(f, depth)
	if err == nil && op == "!=" {
		e = Not{e}
	}
	return true, e, err
}

// values reads one value, or several in parentheses.
func (p *parser) values(f *field, depth int) (Expr, error) {
	if f.op.Ordering() || !p.take('(') {
		return p.value(f)
	}
	if err := p.count(); err != nil {
		return nil, err
	}
	p.about = f
	defer func() { p.about = nil }()
	return p.group(depth)
}

// value reads one value of the field.
func (p *parser) value(f *field) (Expr, error) {
	at := p.pos
	c := Compare{Field: f.name, Kind: f.kind, Op: f.op}
	var err error
	switch {
	case p.at('"'):
		c.Exact = true
		c.Value, err = p.quoted()
	case f.colon && p.at('/'):
		var ok bool
		if c.Value, ok = p.path(); !ok {
			return p.regex(f)
		}
	default:
		if err = p.foreignValue(f); err == nil {
			c.Value = p.word()
		}
	}
	if err != nil {
		return nil, err
	}
	if c.Value == "" && !c.Exact {
		return nil, &Error{at, "a value is expected here; for the empty one write \"\""}
	}
	if !c.Exact && !c.Op.Ordering() && strings.Trim(c.Value, "*") == "" {
		return Exists{f.name, f.kind}, nil
	}
	if err := c.check(); err != nil {
		return nil, &Error{at, err.Error()}
	}
	return c, nil
}
