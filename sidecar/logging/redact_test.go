package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
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

// TestOperatorsKeys: what the operator adds is hidden at every depth, what is taken away is not; each hidden value is
// counted by its kind.
func TestOperatorsKeys(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	var stderr bytes.Buffer
	logs := opened(t, Settings{Service: "s", Instance: "s-1", Stderr: &stderr, Registerer: registry, RedactKeys: []string{"iban", "*pin", "-cookie"}})
	logs.Logger("s").Info("paid, iban=canary", "payer_iban", "canary", slog.Group("card_pin", "n", "canary"), "cookies", "seen",
		"body", map[string]any{"IBAN": []string{"canary"}, "spinning": "seen"}, "url", "a://u:canary@h")
	if err := logs.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if text := stderr.String(); strings.Contains(text, "canary") || strings.Count(text, "seen") != 2 {
		t.Errorf("line %s", text)
	}
	counted := map[string]float64{}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "signalbox_log_redacted_total" && m.Counter.GetValue() > 0 {
				counted[m.Label[0].GetValue()] = m.Counter.GetValue()
			}
		}
	}
	if len(counted) != 2 || counted["key"] != 4 || counted["password"] != 1 {
		t.Errorf("counted %v", counted)
	}
	if _, err := New(Settings{Service: "s", RedactKeys: []string{"*"}}); !errors.Is(err, ErrRedactKeys) {
		t.Errorf("error %v", err)
	}
}

// TestRedactForOthers is the exported function: the same rules, without a handler.
func TestRedactForOthers(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"dial postgres://u:p@h": "dial postgres://u:[redacted:password]@h",
		"LOG:  listening on IPv4 address \"127.0.0.1\", port 5432": "LOG:  listening on IPv4 address \"127.0.0.1\", port 5432",
		"STATEMENT:  ALTER ROLE app PASSWORD 'x'":                  "STATEMENT:  ALTER ROLE app PASSWORD '[redacted:password]'",
	} {
		if got := Redact(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
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
