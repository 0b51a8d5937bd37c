package postgres

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Whatever the parser takes, PostgreSQL understands.
func TestEveryQueryThatIsReadCanBeAsked(t *testing.T) {
	s, _ := fresh(t)
	write(t, s, corpus())
	q := ask(t, "")
	words := rapid.SampledFrom([]string{"service", "instance", "level", "logger", "msg", "trace", "span", "seq", "user_id", "http.status", "attr.x", "a", "'", `"q\"`, "\\", "%",
		"_", "*", "1", "-1e300", "warn", "4bf9", ":", "=", "!=", ">=", "<", " ", "(", ")", " OR ", "-", "ä", "{", "$1", ";--"})
	rapid.Check(t, func(r *rapid.T) {
		text := ""
		for _, w := range rapid.SliceOfN(words, 0, 12).Draw(r, "words") {
			text += w
		}
		e, err := query.Parse(text)
		if err != nil {
			return
		}
		q.Expr = e
		if _, err := s.Search(t.Context(), q, ""); err != nil && !errors.Is(err, logs.ErrTooSlow) {
			r.Fatalf("%s: %v", text, err)
		}
	})
}
