package level

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSpec(t *testing.T) {
	t.Parallel()
	good := map[string]Spec{
		"info":                           {Root: slog.LevelInfo, Loggers: map[string]slog.Level{}},
		"INFO+2":                         {Root: slog.LevelInfo + 2, Loggers: map[string]slog.Level{}},
		" warn , catalogs.store = debug": {Root: slog.LevelWarn, Loggers: map[string]slog.Level{"catalogs.store": slog.LevelDebug}},
	}
	for text, want := range good {
		got, err := ParseSpec(text)
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%q: %v %s", text, err, d)
		}
	}
	bad := map[string]string{
		"":                    `level "" is not one of`,
		"loud":                `level "loud" is not one of`,
		"info,":               `level entry "" is not LOGGER=LEVEL`,
		"info,=debug":         `is not LOGGER=LEVEL`,
		"info,a..b=debug":     `is not LOGGER=LEVEL`,
		"info,a b=debug":      `is not LOGGER=LEVEL`,
		"info,a=loud":         `logger "a": level "loud"`,
		"info,a=warn,a=debug": `logger "a" has two levels`,
		"a=debug":             `level "a=debug" is not one of`,
	}
	for text, want := range bad {
		if _, err := ParseSpec(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{"info", "debug-3,a.b=ERROR+1", "info,a=", ",,", "info,ä=warn"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := ParseSpec(text)
		if err != nil {
			return
		}
		again, err := ParseSpec(spec.String())
		if d := cmp.Diff(spec, again); err != nil || d != "" {
			t.Errorf("%q became %q: %v %s", text, spec, err, d)
		}
	})
}
