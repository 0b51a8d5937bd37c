package postgres

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// where builds a condition; every value goes in as a parameter.
type where struct {
	terms []string
	args  []any
}

// arg adds a parameter and returns its place.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// and adds a condition; format takes the places of its values.
func (w *where) and(format string, values ...any) {
	places := make([]any, len(values))
	for i, v := range values {
		places[i] = w.arg(v)
	}
	w.terms = append(w.terms, fmt.Sprintf(format, places...))
}

func (w *where) scope(s logs.Scope) {
	if !s.All {
		w.and("service = ANY (%s)", append([]string{}, s.Services...))
	}
}

func (w *where) expr(e query.Expr) {
	if e != nil {
		w.terms = append(w.terms, w.node(e))
	}
}

func (w *where) String() string {
	if len(w.terms) == 0 {
		return "true"
	}
	return strings.Join(w.terms, " AND ")
}

func (w *where) node(e query.Expr) string {
	switch e := e.(type) {
	case query.And:
		return w.join(e, " AND ", "true")
	case query.Or:
		return w.join(e, " OR ", "false")
	case query.Not:
		return "(" + w.node(e.Expr) + " IS NOT TRUE)"
	case query.Text:
		return w.text(e.Value)
	case query.Compare:
		return w.compare(e)
	case query.Exists:
		return w.exists(e)
	default:
		return "false"
	}
}

func (w *where) join(all []query.Expr, by, none string) string {
	if len(all) == 0 {
		return none
	}
	parts := make([]string, len(all))
	for i, e := range all {
		parts[i] = w.node(e)
	}
	return "(" + strings.Join(parts, by) + ")"
}

// text looks into the message and into the attributes as they are written in JSON.
func (w *where) text(value string) string {
	return "(msg ILIKE " + w.arg("%"+literal(value)+"%") + " OR attrs::text ILIKE " + w.arg("%"+literal(inJSON(value))+"%") + ")"
}

// inJSON is the text as PostgreSQL writes it within a JSON string: unlike encoding/json it leaves <, > and & as they
// are, and the line separators of Unicode too.
func inJSON(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string can always be encoded
	inside := strings.TrimSuffix(b.String()[1:], "\"\n")
	return strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(inside)
}

func (w *where) compare(c query.Compare) string {
	switch c.Kind {
	case query.Level:
		return "(level " + c.Op.String() + " " + w.arg(int16(c.Level)) + ")"
	case query.Sequence:
		return "(seq::float8 " + c.Op.String() + " " + w.arg(c.Number.Float) + ")"
	case query.Time:
		return "(ts " + c.Op.String() + " " + w.arg(c.Time) + ")"
	case query.Hex:
		return w.hex(c)
	case query.Logger:
		return w.logger(c)
	case query.Message:
		if c.Op == query.Contains && !c.Exact {
			return "(msg ILIKE " + w.arg("%"+wild(c.Value)+"%") + ")"
		}
		return w.equal(c.Field, c)
	case query.Plain:
		return w.equal(c.Field, c)
	default:
		return w.attribute(c)
	}
}

func (w *where) exists(e query.Exists) string {
	if e.Kind == query.Attribute {
		return "(coalesce(attrs ->> " + w.arg(e.Field) + "::text, attrs #>> " + w.arg(strings.Split(e.Field, ".")) + "::text[]) IS NOT NULL)"
	}
	return "(" + e.Field + " IS NOT NULL)"
}

// equal compares a text; a star stands for anything, unless the value was quoted.
func (w *where) equal(column string, c query.Compare) string {
	if c.Exact || !strings.Contains(c.Value, "*") {
		return "(" + column + " = " + w.arg(c.Value) + ")"
	}
	return "(" + column + " LIKE " + w.arg(wild(c.Value)) + ")"
}

func (w *where) hex(c query.Compare) string {
	if whole := map[string]int{"trace_id": 32, "span_id": 16}[c.Field]; len(c.Value) == whole {
		return w.equal(c.Field, c)
	}
	return "(" + c.Field + " LIKE " + w.arg(literal(c.Value)+"%") + ")"
}

// logger takes the loggers below it too: catalogs.store means catalogs.store.rls as well.
func (w *where) logger(c query.Compare) string {
	if c.Exact || strings.Contains(c.Value, "*") {
		return w.equal("logger", c)
	}
	return "(logger = " + w.arg(c.Value) + " OR logger LIKE " + w.arg(literal(c.Value)+".%") + ")"
}

// attribute finds a.b as the key "a.b" or as b in the group a.
func (w *where) attribute(c query.Compare) string {
	key, path := w.arg(c.Field), w.arg(strings.Split(c.Field, "."))
	if !c.Op.Ordering() {
		return w.equal("coalesce(attrs ->> "+key+"::text, attrs #>> "+path+"::text[])", c)
	}
	v := "coalesce(attrs -> " + key + "::text, attrs #> " + path + "::text[])"
	return "(CASE WHEN jsonb_typeof(" + v + ") = 'number' THEN (" + v + ")::float8 END " + c.Op.String() + " " + w.arg(c.Number.Float) + ")"
}

// literal is s as a LIKE pattern that means s.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s)
}

// wild is s as a LIKE pattern in which a star, or a row of them, stands for anything.
func wild(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return strings.ReplaceAll(literal(s), "*", "%")
}
