package foreign_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

var words = regexp.MustCompile(`[\pL\pN]+`)

// kept is all the text of a record: message, names and values of attributes, and what was understood.
func kept(r foreign.Record) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Message, r.Logger, r.TraceID, r.SpanID, foreign.Understood(r))
	var all func([]slog.Attr)
	all = func(attrs []slog.Attr) {
		for _, a := range attrs {
			b.WriteString(a.Key + " ")
			switch v := a.Value; v.Kind() {
			case slog.KindGroup:
				all(v.Group())
			case slog.KindAny:
				fmt.Fprintf(&b, "%s ", v.Any())
			default:
				b.WriteString(v.String() + " ")
			}
		}
	}
	all(r.Attrs)
	return b.String()
}

// understood are the names of the fields that became a part of the record by meaning.
const understood = " ts t time timestamp level lvl severity msg message logger trace_id traceID traceId span_id spanID spanId trace span id pid client "

// checkLaw: every word of the text is in a record, in the order of the lines; sizes of the bounds are obeyed.
func checkLaw(t *testing.T, text string, all []foreign.Record) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsAny(text, "\\\x1b\"") || strings.Contains(text, "{") || strings.Contains(text, " P ") {
		return // escapes are read: TestJSONKeepsEveryLeaf and the tables look at those
	}
	var b strings.Builder
	for _, r := range all {
		b.WriteString(kept(r))
	}
	have := b.String() + understood
	for _, w := range words.FindAllString(text, -1) {
		if !strings.Contains(have, w) && !strings.Contains(strings.ToLower(have), strings.ToLower(w)) {
			t.Fatalf("%q is lost of %q:\n%s", w, text, have)
		}
	}
}

func checkBounds(t *testing.T, text string, all []foreign.Record) {
	t.Helper()
	end := int64(0)
	for _, r := range all {
		if r.End < end || r.End > int64(len(text)) {
			t.Fatalf("a record ends at %d, after %d, of %d bytes", r.End, end, len(text))
		}
		end = r.End
		if !r.Time.IsZero() && (r.Time.Year() < 1970 || r.Time.Year() > 2262) {
			t.Fatalf("time %v", r.Time)
		}
		if r.Format == "" || r.Level < foreign.LevelTrace && r.Format != foreign.JSON && r.Format != foreign.Logfmt {
			t.Fatalf("format %q, level %v", r.Format, r.Level)
		}
	}
	if strings.TrimSpace(text) != "" && utf8.ValidString(text) && len(all) == 0 && words.MatchString(text) {
		t.Fatalf("no record of %q", text)
	}
}

func FuzzStream(f *testing.F) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f.Add(line, 3)
		}
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		whole := records(settings(), []byte(text))
		checkLaw(t, text, whole)
		checkBounds(t, text, whole)
		var pieces []foreign.Record
		st := foreign.NewStream(settings(), func(r foreign.Record) { pieces = append(pieces, r) })
		for rest := []byte(text); len(rest) > 0; {
			n := min(max(1, piece%64), len(rest))
			_, _ = st.Write(rest[:n])
			rest = rest[n:]
		}
		st.Close()
		if got, want := show(pieces), show(whole); got != want {
			t.Fatalf("in pieces:\n%s\nas a whole:\n%s", got, want)
		}
		for _, name := range foreign.Formats() {
			s := settings()
			s.Format = foreign.Format(name)
			checkBounds(t, text, records(s, []byte(text)))
		}
	})
}

// TestLaw holds for the real lines, each format and file as a whole.
func TestLaw(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("testdata/*.log")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		checkBounds(t, string(text), records(settings(), text))
		for line := range strings.Lines(string(text)) {
			checkLaw(t, line, records(settings(), []byte(line)))
		}
	}
}

// Every leaf of a JSON line is somewhere in its record.
func TestJSONKeepsEveryLeaf(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/json.log")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	many := `{"msg":"many"`
	for i := range 300 {
		many += fmt.Sprintf(`,"k%d":{"v":"value-%d"}`, i, i)
	}
	lines = append(lines, many+"}", `{"a":`+strings.Repeat(`{"b":`, 150)+`"deep"`+strings.Repeat("}", 151))
	for _, line := range lines {
		if !gjson.Valid(line) || strings.HasPrefix(line, `{"log":"`) {
			continue
		}
		all := records(settings(), []byte(line))
		if len(all) != 1 || all[0].Format != foreign.JSON {
			t.Fatalf("%d records of %s", len(all), line)
		}
		leaves(gjson.Parse(line), func(text string) {
			have := kept(all[0])
			if !strings.Contains(have, text) {
				t.Errorf("%q is lost of %s", text, line)
			}
		})
	}
}

func leaves(v gjson.Result, each func(text string)) {
	if v.IsObject() || v.IsArray() {
		v.ForEach(func(_, inner gjson.Result) bool { leaves(inner, each); return true })
		return
	}
	if v.Type == gjson.String {
		each(v.Str)
	}
}

// Hostile lines end, and do not end us.
func TestHostile(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"5 MiB without an end":  strings.Repeat("x", 5<<20),
		"5 MiB, then a line":    strings.Repeat("y", 5<<20) + "\nnext",
		"deep JSON":             strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"deep arrays":           `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"many keys":             `{"a":1` + strings.Repeat(`,"a":1`, 100_000) + "}",
		"many pairs":            "level=info " + strings.Repeat("a=1 ", 100_000),
		"many indented lines":   "head\n" + strings.Repeat("\tat x\n", 100_000),
		"many continued lines":  "head\n" + strings.Repeat("  text of the message\n", 100_000),
		"nothing but ends":      strings.Repeat("\r\n", 100_000),
		"nothing but NUL":       strings.Repeat("\x00", 100_000),
		"structured data":       "<1>1 - - - - - " + strings.Repeat(`[a b="`, 50_000),
		"year 0":                "0000-01-01T00:00:00Z x\n0000-00-00 00:00:00 y",
		"year 300000":           `{"time":"300000-01-01T00:00:00Z","msg":"x"}` + "\n" + `{"ts":1e300,"msg":"y"}`,
		"a split line for ever": strings.Repeat("2026-11-21T06:48:09Z stdout P aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			all := records(settings(), []byte(text))
			checkBounds(t, text, all)
			for _, r := range all {
				if len(r.Message) > 2*foreign.MaxLine {
					t.Errorf("a message of %d bytes", len(r.Message))
				}
			}
			t.Logf("METRIC foreign_hostile_seconds=%.3f limit=2 (%s, %d records)", time.Since(began).Seconds(), name, len(all))
		})
	}
	cut := records(settings(), []byte(strings.Repeat("x", 5<<20)))
	if len(cut) != 1 || !strings.HasSuffix(cut[0].Message, "…[truncated, 5242880 bytes]") {
		t.Errorf("%d records; a cut has its mark", len(cut))
	}
}
