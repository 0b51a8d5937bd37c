package query

import "strings"

// foreignTerm refuses what other languages write at the start of a term, and says what to write here.
func (p *parser) foreignTerm() error {
	for _, f := range [...]struct{ mark, say string }{
		{"&&", "terms side by side must all hold: leave && away, or write and"},
		{"||", "for either of two write or"},
		{"!", "for what must not hold write a minus: -term"},
	} {
		if strings.HasPrefix(p.text[p.pos:], f.mark) {
			return p.errorf("%s; to look for %s itself put it in quotes", f.say, f.mark)
		}
	}
	return p.foreignQuote()
}

func (p *parser) foreignQuote() error {
	if mark, ok := p.sees("'", "`", "“", "”", "„", "‘", "’", "«"); ok {
		return p.errorf(`a text with spaces stands between two of these: ", not %s; to look for %s itself put it between them`, mark, mark)
	}
	return nil
}

// foreignOperator refuses operators of other languages behind a field.
func (p *parser) foreignOperator(f *field) error {
	for _, o := range [...]struct{ mark, say string }{
		{"===", "write %s=…"}, {"!==", "write %s!=…"}, {"==", "write %s=…"}, {":=", "write %s=…"},
		{"=~", "a regular expression is written %s:/…/"}, {":~", "a regular expression is written %s:/…/"},
		{"!~", "a regular expression that must not be found is written -%s:/…/"},
		{"=>", "write %s>=…"}, {"=<=", "write %s<=…"}, {"<>", "write %s!=…"}, {"!:", "write -%s:…"},
		{":>=", "write %s>=…"}, {":<=", "write %s<=…"}, {":>", "write %s>…"}, {":<", "write %s<…"},
		{"::", "write %s:…"}, {"://", "to compare with a text that begins with slashes write %s=//…"},
	} {
		if _, ok := p.sees(o.mark); ok {
			return p.errorf("%s is no operator: "+o.say+"; to look for all of it as text put it in quotes", o.mark, cut(f.key))
		}
	}
	return nil
}

// foreignValue refuses an operator within field:(…).
func (p *parser) foreignValue(f *field) error {
	if mark, ok := p.sees("=", "~", "<", ">", ":"); ok && p.about != nil {
		return p.errorf("within the parentheses stand values alone; for an order write (%[1]s>=1 %[1]s<2); a value with %[2]s in front is put in quotes", cut(f.key), mark)
	}
	return p.foreignQuote()
}

// cut keeps a name in an error short.
func cut(name string) string {
	const most = 40
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "…"
	}
	return name
}
