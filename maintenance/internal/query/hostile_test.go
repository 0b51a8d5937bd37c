package query

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// hostile are texts that want to be expensive: what is refused, and what is let through, both cost little.
func hostile() map[string]string {
	many := strings.Repeat
	all := map[string]string{
		"a megabyte term": many("a", 1<<20), "a megabyte phrase": `"` + many("a", 1<<20) + `"`, "megabytes of stars": many("*", 4<<20), "a megabyte of parentheses": many("(", 1<<20),
		"thousands of or": many("a or ", 5000) + "a", "thousands of OR": many("a OR ", 800) + "a", "thousands of terms": many("a ", 2000), "thousands of minus": many("-", 4000) + "a",
		"thousands of NOT": many("NOT ", 1000) + "a", "deep parentheses": many("(", 2000) + "a" + many(")", 2000), "deep negated": many("-(", 1000) + "a" + many(")", 1000),
		"deep values": "x:" + many("(", 2000) + "a" + many(")", 2000), "many values": "x:(" + many("a or ", 800) + "a)", "unclosed phrase": `"` + many(`\`, 4000), "quotes": many(`"`, 4095),
		"stars": many("a*", 2000), "stars of a value": "x=" + many("*a", 2000), "stars of msg": "msg:" + many("*a", 2000), "percents": many("%", 4000), "underscores": many("%_", 2000),
		"long name": many("a.", 2000) + "b=1", "name of dots": many(".", 255) + "=1", "many operators": many("=", 4000), "many colons": many(":", 4000), "level": "level>=" + many("9", 4000),
		"number": "x>=" + many("9", 4000), "exponent": "x>=1e" + many("9", 300), "duration": "x>=" + many("1h", 2000), "time": "ts>=" + many("2026-", 700), "trace": "trace:" + many("f", 4000),
		"NUL": "a\x00b", "bytes": many("\xff\xfe", 2000), "half a character": "ä"[:1], "bidi": "\u202e" + many("a", 3000), "SQL": `'; DROP TABLE logs; --`, "more SQL": `service:'||pg_sleep(9)||'`,
		"folding": many("İ", 2000), "wide": many("𝕒", 1000), "spaces": many(" ", 4096), "combining": "a" + many("\u0301", 2000),
	}
	for i, regex := range []string{
		`(a+)+$`, `(a*)*b`, `((a{100}){100}){100}`, `(x{1000}){1000}`, `a{1001}`, many("(a|", 170) + many(")", 1), many("(", 255) + many(")", 255), many("a?", 250), `(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x`,
		many(`\pL`, 170), `(?i)` + many(`\pL`, 160), `(?i)[` + many(`\pL\PL`, 80) + `]{30}`, many("[^a]", 120) + "{4}", `(\pL{30}){30}`, many("x*", 249), `(?:a|aa)+$`, many("(?:a?){10}", 40), many("(", 600),
		`\p{Greek}{500}`, `(((((((((a{2}){2}){2}){2}){2}){2}){2}){2}){2})`, `(?=a)`, `(a)\1`, `[`, `\`, `(?P<n>a)(?P<n>b)`, `x{0,1000}`, `.{499}`, `(.{0,20}.){11}$`, `(?i)[` + many(`B-\x{10FFFF}`, 40) + `]`, `(?i)` + many(`[B-\x{10FFFF}]`, 34), `(?i)` + many(`[B-🫠]`, 60), `(?i)` + many(`[^b]`, 120), `(?i)` + many(`\PL`, 100),
		many(`[\pL\pN]`, 60), many(`[^\pL]`, 80), `(?i)` + many(`[b-Ā]`, 80),
	} {
		all[fmt.Sprintf("regex %d", i)] = "/" + regex + "/"
	}
	return all
}

// S-7: reading costs microseconds, whether it ends in a refusal or an expression; what is let through costs little on
// the largest record.
func TestS7_HostileTexts(t *testing.T) {
	t.Parallel()
	attrs := `{"x":"` + strings.Repeat("a", 60<<10) + `","y":{` + strings.Repeat(`"a":{`, 30) + `"b":"` + strings.Repeat("aä", 20<<10) + `"` + strings.Repeat("}", 31) + `}`
	r := &Record{Msg: strings.Repeat("a", 64<<10), Level: slog.LevelWarn, Attrs: []byte(attrs)}
	var read, match time.Duration
	var slowest, longest string
	refused := 0
	for name, text := range hostile() {
		start := time.Now()
		e, err := Parse(text)
		if took := time.Since(start); took > read {
			read, slowest = took, name
		}
		if err != nil {
			refused++
			if len(err.Error()) > 400 || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%s: a refusal of %d bytes: %.80s", name, len(err.Error()), err)
			}
			continue
		}
		_, _ = Require(e), Columns(e)
		start = time.Now()
		Match(e, r)
		if took := time.Since(start); took > match {
			match, longest = took, name
		}
	}
	if n := len(hostile()); n < 50 || refused < n/2 {
		t.Errorf("%d of %d refused", refused, n)
	}
	t.Logf("METRIC hostile_parse_us=%d limit=5000 (%s)", read.Microseconds(), slowest)
	t.Logf("METRIC hostile_match_ms=%d limit=2000 (%s)", match.Milliseconds(), longest)
}

func TestTheBoundsHoldForWhatIsRead(t *testing.T) {
	t.Parallel()
	for name, text := range hostile() {
		e, err := Parse(text)
		if err != nil {
			continue
		}
		if n := nodes(e); n > 2*MaxTerms {
			t.Errorf("%s: %d nodes", name, n)
		}
	}
}

func nodes(e Expr) int {
	n := 1
	switch e := e.(type) {
	case And:
		for _, part := range e {
			n += nodes(part)
		}
	case Or:
		for _, part := range e {
			n += nodes(part)
		}
	case Not:
		n += nodes(e.Expr)
	}
	return n
}
