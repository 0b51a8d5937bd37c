package query

import "strings"

// Services are the names that the query bounds itself to at its top level; nil when it does not.
func Services(e Expr) (names []string) {
	switch e := e.(type) {
	case And:
		for _, part := range e {
			if names = Services(part); names != nil {
				return names
			}
		}
	case Or:
		for _, part := range e {
			some := Services(part)
			if some == nil {
				return nil
			}
			names = append(names, some...)
		}
	case Compare:
		if e.Field == "service" && e.Kind == String && e.Op == Equal && (e.Exact || !strings.Contains(e.Value, "*")) {
			return []string{e.Value}
		}
	}
	return names
}
