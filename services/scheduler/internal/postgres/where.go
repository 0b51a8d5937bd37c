package postgres

import (
	"fmt"
	"strings"
)

// Scope bounds a read to some services; All lifts the bound.
type Scope struct {
	Services []string
	All      bool
}

// where builds a condition of what is really asked for, so that the server can choose an index for it; values are
// arguments, never text.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string) { w.conditions = append(w.conditions, condition) }

// arg notes a value and answers its place.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return fmt.Sprintf("$%d", len(w.args))
}

func (w *where) scope(s Scope) {
	if !s.All {
		w.and(`service = ANY(` + w.arg(s.Services) + `::text[])`)
	}
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.conditions, " AND ")
}
