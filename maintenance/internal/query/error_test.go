package query

import (
	"errors"
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"level>=loud": "level>=loud\n       ^ \"loud\" is no level: debug, info, warn, error, or one of them with an offset like info+2",
		"äöü\t🫠 a==b": "äöü 🫠 a==b\n       ^ == is no operator: write a=…; to look for all of it as text put it in quotes",
		`"open`:       "\"open\n^ a quote is not closed",
		"(a":          "(a\n  ^ a parenthesis is not closed",
		strings.Repeat("ä ", 60) + "service: " + strings.Repeat("b ", 60): "…" + strings.Repeat("ä ", 26) + "service: " + strings.Repeat("b ", 29) + "b…\n" +
			strings.Repeat(" ", 61) + "^ a value is expected here; for the empty one write \"\"",
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", text, err)
		}
		if got := e.Show(text); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	for _, e := range []*Error{{Pos: -1, Detail: "x"}, {Pos: 99, Detail: "x"}, {Pos: 1, Detail: "x"}} {
		if lines := strings.Count(e.Show("ä\n\xff"), "\n"); lines != 1 {
			t.Errorf("%+v is shown in %d lines", e, lines+1)
		}
	}
}
