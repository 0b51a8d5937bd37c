package lease

import (
	"log/slog"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const debug = int32(slog.LevelDebug)

func member(instance string, rates ...Rate) Member {
	return Member{Target{"catalogs", instance}, []Logger{{Name: "", Effective: "INFO"}, {Name: "a", Effective: "INFO"}, {Name: "a.b", Effective: "WARN", Configured: "WARN"}}, rates}
}

func TestAPreviewSumsWhatWouldBeWritten(t *testing.T) {
	t.Parallel()
	two := []Member{
		member("c-1", Rate{"", debug, 100, 10_000}, Rate{"a", debug, 10, 1000}, Rate{"a", -8, 1000, 1e6}, Rate{"a.b", 0, 5, 500}, Rate{"a.b.c", debug, 1, 100}, Rate{"ab", debug, 7, 700}),
		member("c-2", Rate{"a", debug, 20, 2000}),
	}
	for name, c := range map[string]struct {
		l       Lease
		holding []Lease
		lines   float64
		dearest string
	}{
		"the root":                        {Lease{Value: "DEBUG"}, nil, 100 + 10 + 5 + 1 + 7 + 20, "catalogs  DEBUG"},
		"a subtree":                       {Lease{Logger: "a", Value: "DEBUG"}, nil, 10 + 5 + 1 + 20, "catalogs a DEBUG"},
		"lower than debug":                {Lease{Logger: "a", Value: "DEBUG-4"}, nil, 10 + 1000 + 5 + 1 + 20, "catalogs a DEBUG-4"},
		"what is effective adds no more":  {Lease{Logger: "a.b", Value: "INFO"}, nil, 5, "catalogs a.b INFO"},
		"upwards":                         {Lease{Value: "ERROR"}, nil, 0, ""},
		"a more specific lease wins":      {Lease{Logger: "a", Value: "DEBUG"}, []Lease{{ID: "x", Kind: "level", Logger: "a.b", Value: "ERROR", Revision: 1}}, 10 + 20, "catalogs a DEBUG"},
		"a more specific target wins":     {Lease{Logger: "a", Value: "DEBUG"}, []Lease{{ID: "x", Kind: "level", Service: "catalogs", Instance: "c-2", Logger: "a", Value: "ERROR", Revision: 1}}, 10 + 5 + 1, "catalogs a DEBUG"},
		"a wider lease loses":             {Lease{Logger: "a", Value: "DEBUG"}, []Lease{{ID: "x", Kind: "level", Value: "ERROR", Revision: 9}}, 10 + 5 + 1 + 20, "catalogs a DEBUG"},
		"another kind is no level":        {Lease{Logger: "a", Value: "DEBUG"}, []Lease{{ID: "x", Kind: "window", Service: "catalogs", Value: "DEBUG", Revision: 9}}, 10 + 5 + 1 + 20, "catalogs a DEBUG"},
		"an older one on the same target": {Lease{Service: "catalogs", Logger: "a", Value: "DEBUG"}, []Lease{{ID: "x", Kind: "level", Service: "catalogs", Logger: "a", Value: "ERROR", Revision: 9}}, 10 + 5 + 1 + 20, "catalogs a DEBUG"},
	} {
		c.l.ID, c.l.Kind, c.l.Revision = "new", "level", math.MaxInt64
		p := preview(c.l, c.holding, two)
		dearest := ""
		if len(p.Loggers) > 0 {
			dearest = strings.Join([]string{p.Loggers[0].Service, p.Loggers[0].Logger, p.Loggers[0].Level}, " ")
		}
		if p.Lines != c.lines || p.Instances != 2 || dearest != c.dearest || (c.lines > 0 && p.Bytes < 100*c.lines) {
			t.Errorf("%s: %+v, want %v lines, %q first", name, p, c.lines, c.dearest)
		}
	}
	p := preview(Lease{ID: "new", Kind: "level", Logger: "a", Value: "DEBUG"}, nil, two)
	if c := p.Loggers[0]; c.Logger != "a" || c.Lines != 30 || c.Bytes != 3000 {
		t.Errorf("one logger on two instances is one row: %+v", p.Loggers)
	}
}

// The lower the level, the dearer; the sums are those of the rows; nothing is counted that is written already.
func TestPreviewLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		logger := rapid.SampledFrom([]string{"", "a", "a.b", "a.b.c", "b"})
		var m Member
		for range rapid.IntRange(0, 12).Draw(t, "rates") {
			m.Suppressed = append(m.Suppressed, Rate{logger.Draw(t, "logger"), int32(rapid.IntRange(-8, 8).Draw(t, "level")), float64(rapid.IntRange(0, 9).Draw(t, "lines")), 1})
		}
		m.Loggers = []Logger{{Effective: slog.Level(rapid.IntRange(-4, 8).Draw(t, "effective")).String()}}
		on, last := logger.Draw(t, "on"), 0.0
		for level := slog.Level(8); level >= -8; level-- {
			p := preview(Lease{ID: "new", Kind: "level", Logger: on, Value: level.String()}, nil, []Member{m})
			rows := 0.0
			for _, c := range p.Loggers {
				rows += c.Lines
			}
			if p.Lines < last || rows != p.Lines {
				t.Fatalf("%s: %v lines, %v in rows, %v one level above", level, p.Lines, rows, last)
			}
			if level >= effective(m.levels(), on) && p.Lines != 0 {
				t.Fatalf("%s adds %v lines to what is at %s", level, p.Lines, m.Loggers[0].Effective)
			}
			last = p.Lines
		}
	})
}
