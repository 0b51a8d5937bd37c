package query

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Whatever is asked, the answer is an expression or an error with a place; what was understood, written down, is
// understood the same way; and nothing that is stored makes it panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", `service:catalogs level>=warn user_id=42 "connection refused" trace:4bf9`, "-(a OR b*) c!=\"d\\\"\"", "seq<=1e9",
		`/a\/b[/]\Q/i -err:/^x$/ tag:(a or -"b" (c /d/)) took>=1.5s NOT x:*`, `"odd key"!=(1 or 2.0) and attr.msg=*a* ts<2026-11-21`,
	} {
		f.Add(s, `{"a":{"b":[1,"x",null,{"c":1.50}]},"a.b":true}`, "Connection REFUSED")
	}
	f.Fuzz(func(t *testing.T, text, attrs, msg string) {
		e, err := Parse(text)
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Pos < 0 || bad.Pos > len(text) {
				t.Fatalf("%q: error without a place: %v", text, err)
			}
			_ = bad.Show(text)
			return
		}
		if e == nil {
			t.Fatalf("%q: neither expression nor error", text)
		}
		readAgain(t, e)
		r := Record{Msg: msg, Attrs: []byte(attrs), Level: slog.LevelWarn, Logger: msg, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"}
		if Match(e, &r) {
			fulfils(t, e, &r, false)
		}
	})
}

// fatal is what testing and rapid have in common.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// readAgain demands that an expression, written down, is read as the same expression.
func readAgain(t fatal, e Expr) {
	t.Helper()
	text := String(e)
	if len(text) > MaxLength {
		return
	}
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("%#v is written %q, and that cannot be read: %v", e, text, err)
	}
	if diff := cmp.Diff(e, again); diff != "" {
		t.Fatalf("%q: %s", text, diff)
	}
	if twice := String(again); twice != text {
		t.Fatalf("%q is written %q the second time", text, twice)
	}
}
