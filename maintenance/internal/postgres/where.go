package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
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

func (w *where) String() string {
	if len(w.terms) == 0 {
		return "true"
	}
	return strings.Join(w.terms, " AND ")
}
