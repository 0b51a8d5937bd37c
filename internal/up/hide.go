package up

import (
	"regexp"
	"strings"
)

// hider takes out of a PostgreSQL server's lines what they repeat of statements and rows: it may be a password or a
// person's data. A literal may go on in the lines that continue the first one, so a hider reads one server's lines in
// their order.
type hider struct {
	inside  bool // a literal that has not ended
	escapes bool // it is of the kind E'…', where a backslash takes the next character in
}

// begin is called before the first line of each message.
func (h *hider) begin() { *h = hider{} }

// literals replaces what stands between quotes.
func (h *hider) literals(text string) string {
	var b strings.Builder
	if h.inside {
		b.WriteString("…")
	}
	for i := 0; i < len(text); i++ {
		quote := text[i] == '\''
		switch {
		case !h.inside && quote:
			h.inside, h.escapes = true, i > 0 && text[i-1]|0x20 == 'e'
			b.WriteString("'…")
		case !h.inside:
			b.WriteByte(text[i])
		case h.escapes && text[i] == '\\', quote && strings.HasPrefix(text[i+1:], "'"):
			i++
		case quote:
			h.inside = false
			b.WriteByte('\'')
		}
	}
	return b.String()
}

// What a server says of rows (DETAIL) and of input that it cannot read (the SQL states of class 22).
var (
	rowKey   = regexp.MustCompile(`(?s)=\(.*\)`)
	rowWhole = regexp.MustCompile(`(?s)contains \(.*`)
	input    = regexp.MustCompile(`(?s)".*"`)
)

func hideRow(text string) string {
	return rowWhole.ReplaceAllString(rowKey.ReplaceAllString(text, "=(…)"), "contains (…)")
}

func hideInput(text string) string { return input.ReplaceAllString(text, `"…"`) }
