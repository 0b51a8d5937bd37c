package logging

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSecretAtTheCut: one that begins before the limit and ends behind it is hidden all the same.
func TestSecretAtTheCut(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	for before := maxString - 60; before < maxString; before++ {
		l.Info("x", "v", strings.Repeat("x", before)+"postgres://u:hunter2hunter2hunter2@host/db"+strings.Repeat("y", 1<<20))
		if strings.Contains(string(c.lines[len(c.lines)-1]), "hunter") {
			t.Fatalf("a part of the secret is left with %d bytes before it", before)
		}
	}
}

// TestPasswordThatDoesNotEnd: the "@" that ends it lies so far behind the cut that nobody looks for it there.
func TestPasswordThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	l.Info("x", "v", "dial postgres://u:hunter2"+strings.Repeat("x", 1<<20)+"@host/db")
	if got := c.attrs(t)["v"]; got != "dial postgres://u:[redacted:password]…[truncated, 1048609 bytes]" {
		t.Errorf("%.100q", got)
	}
}

// FuzzLine: whatever is logged, the line is one line of JSON, says what was logged, and hides a password.
func FuzzLine(f *testing.F) {
	f.Add("hello", "key", "value")
	f.Add("a\x00\xff\n\u2028", "", "postgres://u:p@h")
	f.Add("m", "token", strings.Repeat("ä", 40_000))
	f.Fuzz(func(t *testing.T, msg, key, value string) {
		l, c := capture("x")
		l.With(key, value).WithGroup(key).Info(msg, "v", value, "url", "postgres://u:hunter2"+clean(value)+"@h/"+value)
		line := c.lines[0]
		if !json.Valid(line) || !utf8.Valid(line) || strings.ContainsAny(string(line), "\n\r") {
			t.Fatalf("line %q", line)
		}
		if strings.Contains(string(line), "hunter2") && !strings.Contains(msg+key+value, "hunter2") {
			t.Errorf("a secret is in the line: %s", line)
		}
		if got := c.last(t)[KeyMessage]; got != msg && utf8.ValidString(msg) && len(msg) < maxMessage && Redact(msg) == msg {
			t.Errorf("%q became %q", msg, got)
		}
	})
}

// clean leaves what may stand in a password without ending the authority of a URL.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("/?# \t\r\n\"'<>\\", r) {
			return -1
		}
		return r
	}, s)
}

// A long name does not hide what it is the name of.
func TestSecretUnderALongKey(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	l.Info("x", strings.Repeat("upstream_", 8)+"password", "hunter2", strings.Repeat("upstream_", 10)+"token", "hunter2")
	if strings.Contains(string(c.lines[0]), "hunter") {
		t.Errorf("the secret is in the line: %s", c.lines[0])
	}
}
