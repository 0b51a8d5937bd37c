package query

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	service := Compare{Field: "service", Kind: String, Value: "catalogs"}
	for text, want := range map[string]Expr{
		"":                     And{},
		"  ":                   And{},
		"service:catalogs":     service,
		"service=catalogs":     service,
		`service:"catalogs"`:   Compare{Field: "service", Kind: String, Value: "catalogs", Exact: true},
		"level>=warn":          Compare{Field: "level", Kind: Level, Op: GreaterEqual, Value: "warn", Level: slog.LevelWarn},
		"level:warning":        Compare{Field: "level", Kind: Level, Value: "warning", Level: slog.LevelWarn},
		"level<info+2":         Compare{Field: "level", Kind: Level, Op: Less, Value: "info+2", Level: 2},
		"level>-4":             Compare{Field: "level", Kind: Level, Op: Greater, Value: "-4", Level: -4},
		"user_id=42":           Compare{Field: "user_id", Value: "42"},
		"attr.service=x":       Compare{Field: "service", Value: "x"},
		"http.status>=500":     Compare{Field: "http.status", Op: GreaterEqual, Value: "500", Number: 500},
		"url=http://a/b?c=d":   Compare{Field: "url", Value: "http://a/b?c=d"},
		"trace:4BF9":           Compare{Field: "trace_id", Kind: Hex, Value: "4bf9"},
		"seq>=10":              Compare{Field: "seq", Kind: Number, Op: GreaterEqual, Value: "10", Number: 10},
		"-instance:x":          Not{Compare{Field: "instance", Kind: String, Value: "x"}},
		`"connection refused"`: Text{"connection refused"},
		`"a \"b\" \\"`:         Text{`a "b" \`},
		"refused":              Text{"refused"},
		"100%":                 Text{"100%"},
		"ORDER":                Text{"ORDER"},
		"a b":                  And{Text{"a"}, Text{"b"}},
		"a AND b":              And{Text{"a"}, Text{"b"}},
		"a OR b c":             Or{Text{"a"}, And{Text{"b"}, Text{"c"}}},
		"(a OR b) c":           And{Or{Text{"a"}, Text{"b"}}, Text{"c"}},
		"-(a b)":               Not{And{Text{"a"}, Text{"b"}}},
		`logger:catalogs.store -instance:x level>=warn`: And{
			Compare{Field: "logger", Kind: Logger, Value: "catalogs.store"},
			Not{Compare{Field: "instance", Kind: String, Value: "x"}},
			Compare{Field: "level", Kind: Level, Op: GreaterEqual, Value: "warn", Level: slog.LevelWarn},
		},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q): %s", text, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, pos := range map[string]int{
		`"open`:                       0,
		`a "open`:                     2,
		"service:":                    8,
		"service>x":                   8,
		"level>=loud":                 7,
		"level>=info+99999":           7,
		"trace:xyz":                   6,
		"status>=many":                8,
		"status>=NaN":                 8,
		"(a":                          2,
		"a)":                          1,
		"a OR":                        4,
		"- a":                         1,
		"attr.=x":                     0,
		"=x OR":                       5,
		strings.Repeat("(", 40):       17,
		strings.Repeat("a ", 65):      128,
		strings.Repeat("-", 70) + "a": 64,
		strings.Repeat("a", 4097):     4096,
		"a\x00b":                      0,
		"\xff":                        0,
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.40q) = %v, want *Error", text, err)
		} else if e.Pos != pos {
			t.Errorf("Parse(%.40q): at %d (%s), want %d", text, e.Pos, e.Detail, pos)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", `service:catalogs level>=warn user_id=42 "connection refused" trace:4bf9`, "-(a OR b*) c!=\"d\\\"\"", "seq<=1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		var bad *Error
		if err != nil && (!errors.As(err, &bad) || bad.Pos < 0 || bad.Pos > len(text)) {
			t.Fatalf("%q: error without a place: %v", text, err)
		}
		if err == nil && e == nil {
			t.Fatalf("%q: neither expression nor error", text)
		}
	})
}
