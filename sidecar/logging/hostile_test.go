package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

type panics struct{}

func (panics) String() string { panic("of String") }

type panicsJSON struct{ Self *panicsJSON }

func (panicsJSON) MarshalJSON() ([]byte, error) {
	panic(errors.New("of MarshalJSON: postgres://u:hunter2@h"))
}

type lies struct{}

func (lies) MarshalJSON() ([]byte, error) { return []byte(`{"a":1}}, "level":"ERROR"`), nil }

type cyclic struct {
	Name string
	Next *cyclic
}

type nilSafe struct{}

func (*nilSafe) Error() string { return "nil is fine" }

type relogs struct{ to *slog.Logger }

func (l relogs) String() string {
	l.to.Info("from within")
	return "logged"
}

// wide has n values at each of three depths.
func wide(n int) any {
	m := map[string]map[string][]int{}
	for i := range n {
		m[fmt.Sprint(i)] = map[string][]int{"x": make([]int, n), "y": make([]int, n)}
	}
	return m
}

func nested(n int) (v any) {
	for range n {
		v = []any{map[string]any{"a": v}}
	}
	return v
}

// hostile are values that a careless or malicious caller may pass, and what the line must say of each.
func hostile(l *slog.Logger) map[string]struct {
	v    any
	want string
} {
	loop := &cyclic{Name: "loop"}
	loop.Next = loop
	self := map[string]any{}
	self["self"] = self
	list := []any{nil}
	list[0] = list
	return map[string]struct {
		v    any
		want string
	}{
		"null bytes":          {"a\x00b", `"a\u0000b"`},
		"invalid UTF-8":       {"a\xff\xc3b", `"a\ufffd\ufffdb"`},
		"invalid bytes":       {[]byte("\xff\x00"), `"/wA="`},
		"line breaks":         {"a\r\n\u2028b", `"a\r\n\u2028b"`},
		"NaN":                 {math.NaN(), `"NaN"`},
		"infinity":            {math.Inf(-1), `"-Inf"`},
		"NaN in a slice":      {[]float64{math.NaN()}, `!ERROR`},
		"huge number":         {1e308, `1e+308`},
		"nil":                 {nil, `null`},
		"nil error":           {error(nil), `null`},
		"typed nil error":     {(*json.SyntaxError)(nil), `null`},
		"nil-safe error":      {(*nilSafe)(nil), `"nil is fine"`},
		"typed nil Stringer":  {(*stringer)(nil), `null`},
		"typed nil pointer":   {(*cyclic)(nil), `null`},
		"errors with nil":     {[]error{nil, errors.New("x")}, `[null,"x"]`},
		"Stringer panics":     {panics{}, `"!PANIC: of String"`},
		"Marshaler panics":    {&panicsJSON{}, `"!PANIC: of MarshalJSON: postgres://u:[redacted:password]@h"`},
		"panics within":       {map[string]any{"ok": 1, "bad": panicsJSON{}}, `!PANIC`},
		"invalid JSON":        {lies{}, `!ERROR`},
		"raw garbage":         {json.RawMessage(`{"a":`), `!ERROR`},
		"cyclic struct":       {loop, `truncated`},
		"cyclic map":          {self, `truncated`},
		"cyclic slice":        {list, `truncated`},
		"channel":             {make(chan int), `!ERROR`},
		"function":            {func() {}, `!ERROR`},
		"deep JSON":           {nested(90), `truncated`},
		"deeper than allowed": {nested(5000), `truncated`},
		"wide map":            {wide(200), `truncated`},
		"a million elements":  {make([]string, 1<<20), `"…[truncated, a []string of 1048576 elements]"`},
		"5 MiB":               {strings.Repeat("x", 5<<20), `xxx…[truncated, 5242880 bytes]"`},
		"5 MiB of bytes":      {bytes.Repeat([]byte{'x'}, 5<<20), `truncated`},
		"5 MiB error":         {errors.New(strings.Repeat("\x00", 5<<20)), `truncated`},
		"5 MiB within":        {[]string{strings.Repeat("ä", 5<<19)}, `truncated`},
		"endless LogValue":    {endless{}, `LogValue`},
		"LogValue panics":     {angry{}, `panicked`},
		"user of a URL":       {url.UserPassword("u", "hunter2"), `"[redacted:password]"`},
		"logs itself":         {relogs{l}, `"logged"`},
		"year 300000":         {time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), `"300000-01-01T00:00:00Z"`},
		"year 0":              {time.Time{}.AddDate(-1, 0, 0), `"0000-01-01T00:00:00Z"`},
		"year in a struct":    {struct{ At time.Time }{time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)}, `!ERROR`},
	}
}

// TestHostileValues: each makes one valid line, bounded, that says what was wrong, and leaves its neighbours alone.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	var slowest time.Duration
	for name, h := range hostile(l) {
		for _, call := range []func(){
			func() { l.Info("odd", "before", 1, "v", h.v, "after", 2) },
			func() { l.With("before", 1, "v", h.v).Info("odd", "after", 2) },
			func() { l.Info("odd", slog.Int("before", 1), slog.Group("g", "v", h.v), slog.Int("after", 2)) },
		} {
			start := time.Now()
			call()
			slowest = max(slowest, time.Since(start))
			line := c.lines[len(c.lines)-1]
			attrs := c.attrs(t)
			if !bytes.Contains(line, []byte(h.want)) || attrs["before"] != 1.0 || attrs["after"] != 2.0 {
				t.Errorf("%s: want %s in %.300s", name, h.want, line)
			}
			if !utf8.Valid(line) || bytes.ContainsAny(line, "\n\r\x00") || len(line) > spool.MaxFrame-spool.HeaderSize {
				t.Errorf("%s: %d bytes, or no line: %.100q", name, len(line), line)
			}
		}
	}
	t.Logf("METRIC hostile_value_slowest_ms=%.1f limit=100", float64(slowest.Microseconds())/1000)
}

// TestHostileRecords: messages, keys and groups.
func TestHostileRecords(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	huge := strings.Repeat("ä\x00", 2<<20)
	var many []any
	for i := range 100_000 {
		many = append(many, slog.Int(fmt.Sprint("k", i), i))
	}
	inlined := slog.Int("leaf", 1)
	deep := slog.Int("leaf", 1)
	for range 200 {
		deep = slog.Attr{Key: "g", Value: slog.GroupValue(deep)}
	}
	for range 100_000 {
		inlined = slog.Attr{Value: slog.GroupValue(inlined)}
	}
	grouped := l
	for range 200 {
		grouped = grouped.WithGroup("g\x00\xff")
	}
	for name, call := range map[string]func(){
		"5 MiB message":   func() { l.Info(huge) },
		"5 MiB key":       func() { l.Info("m", huge, 1) },
		"5 MiB group":     func() { l.WithGroup(huge).Info("m", "a", 1) },
		"100,000 attrs":   func() { l.Info("m", many...) },
		"With of them":    func() { l.With(many...).Info("m", "one", "more") },
		"200 deep":        func() { l.Info("m", deep) },
		"nameless groups": func() { l.Info("m", inlined) },
		"200 WithGroup":   func() { grouped.Info("m", "truncated", 1) },
	} {
		call()
		c.last(t)
		if line := c.lines[len(c.lines)-1]; !bytes.Contains(line, []byte("truncated")) || len(line) > spool.MaxFrame-spool.HeaderSize {
			t.Errorf("%s: %d bytes, unmarked: %.200s", name, len(line), line)
		}
	}
	own := l.Handler().(*handler)
	if texts, attrs := valueOf(t, own.format.tally.texts), valueOf(t, own.format.tally.attrs); texts != 3 || attrs < 2*(100_000-maxAttrs) {
		t.Errorf("%v texts and %v attributes counted as cut", texts, attrs)
	}
	l.Info("m\x00\xff", "ts", "x", "level", "x", "msg", "x", "service", "x", "attrs", "x", "trace_id", "x", "", "empty", "a", 1, "a", 2)
	m, attrs := c.last(t), c.attrs(t)
	if m[KeyLevel] != "INFO" || m[KeyService] != "catalogs" || m[KeyMessage] != "m\x00\ufffd" || m[KeyTraceID] != nil {
		t.Errorf("an attribute took the place of a key: %v", m)
	}
	if attrs["msg"] != "x" || attrs["level"] != "x" || attrs["a"] != 2.0 || attrs[""] != "empty" {
		t.Errorf("attributes %v", attrs)
	}
	for _, at := range []time.Time{{}, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_ = l.Handler().Handle(context.Background(), slog.NewRecord(at, slog.Level(math.MaxInt), "", 0))
		c.last(t)
	}
}

// TestNothingFromBehindTheCut: a text is searched for secrets somewhat behind its limit. A long secret before it makes
// room; what would move up was not searched to its end, and must not be written.
func TestNothingFromBehindTheCut(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	block := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("A", maxString/2) + "\n-----END PRIVATE KEY-----"
	rest := strings.Repeat("x", maxString+overscan-len(block)-len(" postgres://u:hunt"))
	l.Info("m", "v", block+rest+" postgres://u:hunter2hunter2@host/db "+strings.Repeat("y", 1<<20))
	if line := c.lines[0]; bytes.Contains(line, []byte("hunt")) || !bytes.Contains(line, []byte("[redacted:private-key]xxx")) ||
		!bytes.Contains(line, []byte("truncated")) {
		t.Errorf("%d bytes: %.200s … %s", len(line), line, line[len(line)-200:])
	}
}
