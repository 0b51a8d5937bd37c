package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canary is a secret in its usual surroundings.
type canary struct{ kind, text, secret string }

// canaries of every shape. Each has a part that occurs nowhere else, for it is looked for in raw bytes.
func canaries() []canary {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLWNhbmFyeQ"
	key := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcCanary"
	return []canary{
		{"bearer", "Authorization: Bearer canary-0a1b2c3d4e5f", "canary-0a1b2c"},
		{"bearer", "sent bearer Canary.9z8y7x6w5v upstream", "Canary.9z8"},
		{"basic", "Basic Y2FuYXJ5OmNhbmFyeS1wYXNz", "Y2FuYXJ5OmNh"},
		{"jwt", jwt, "c2lnbmF0dXJl"},
		{"jwt", "Bearer " + jwt, "eyJzdWIiOiJj"},
		{"private-key", "-----BEGIN PRIVATE KEY-----\n" + key + "\n-----END PRIVATE KEY-----\n", key},
		{"card", "4111111111111111", "4111111111111111"},
		{"card", "card 5555 5555 5555 4444 of ann", "5555 4444"},
		{"card", "3782-822463-10005", "822463-10005"},
		{"password", "postgres://app:canary-pw/1@db:5432/x", "canary-pw"},
		{"password", "ALTER ROLE app PASSWORD 'canary-sql'", "canary-sql"},
		{"key", "https://h/cb?x=1&access_token=canary-query&y=2", "canary-query"},
		{"key", "https://h/blob?se=2026&sig=canary%2Fsig%3D", "canary%2Fsig"},
		{"key", `{"user":"ann","password":"canary-json"}`, "canary-json"},
		{"key", `host=db password='canary libpq' user=x`, "canary libpq"},
		{"key", "Cookie: sid=canary-sid; theme=dark", "canary-sid"},
		{"aws-key", "AKIAIOSFODNNCANARYZ1", "AKIAIOSFODNNCANARYZ1"},
		{"github-token", "ghp_canary0123456789canary0123456789abcd", "ghp_canary"},
		{"slack-token", "xoxb-123456789012-canarycanary", "xoxb-1234"},
		{"stripe-key", "sk_live_canary0123456789", "sk_live_canary"},
	}
}

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", v.s)) }

type marshaler struct{ s string }

func (m marshaler) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"deep": []string{m.s}})
}

type texter struct{ s string }

func (t texter) MarshalText() ([]byte, error) { return []byte(t.s), nil }

type account struct {
	Note  string
	Inner *account
	More  map[string]any `json:"more,omitempty"`
	Any   any
}

// positions puts s wherever a caller can put something.
func positions(l *slog.Logger, s string) {
	ctx := context.Background()
	l.Info(s)
	l.Error("prefix " + s + " suffix")
	Audit(ctx, l, s, slog.String("v", s))
	for name, v := range map[string]any{
		"string": s, "error": errors.New(s), "wrapped": fmt.Errorf("call: %w", errors.New(s)), "joined": errors.Join(errors.New("a"), errors.New(s)),
		"errors": []error{errors.New(s)}, "stringer": stringer{s}, "pointer": &stringer{s}, "valuer": valuer{s}, "marshaler": marshaler{s},
		"texter": texter{s}, "bytes": []byte(s), "slice": []string{"a", s}, "array": [1]string{s}, "anys": []any{1, []any{s}}, "raw": json.RawMessage(mustJSON(s)),
		"map": map[string]string{"a": s}, "map key": map[string]int{s: 1}, "text key": map[texter]int{{s}: 1},
		"struct": account{Note: s, Inner: &account{Note: s, Any: []any{s}}, More: map[string]any{"x": s, s: "x"}}, "header": http.Header{"X-Any": {s}},
		"values": url.Values{"q": {s}}, "nil any": account{}, "stringerp": (*stringer)(nil),
	} {
		l.Info("witness", name, v)
		l.Info("witness", slog.Group("g", slog.Group("h", slog.Any("i", v))))
		l.With(name, v).Info("witness")
		l.WithGroup("g").With(slog.Group("h", name, v)).WithGroup("i").Info("witness", name, v)
	}
	deep := slog.String("leaf", s)
	for i := range maxDepth - 1 {
		deep = slog.Attr{Key: fmt.Sprint("g", i), Value: slog.GroupValue(deep)}
		l.LogAttrs(ctx, slog.LevelInfo, "witness", deep)
	}
	l.Info("witness", s, "the key itself")
	l.Info("witness", slog.Group(s, "a", 1))
	l.WithGroup(s).With("a", 1).Info("witness", "b", 2)
	l.Info("witness", "padded", strings.Repeat("x", maxString-len(s)/2)+" "+s)
	l.Info(strings.Repeat("x", maxMessage-len(s)/2) + " " + s)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// TestCanaries: a secret of any shape, wherever a caller puts it, reaches neither the spool nor stderr; what stands
// beside it does, with the mark of its kind.
func TestCanaries(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	s := settings(t, "catalogs-1")
	s.Stderr = &stderr
	logs := opened(t, s)
	l := logs.Logger("catalogs.canary")
	for _, c := range canaries() {
		positions(l, c.text)
		settle(t, logs)
	}
	positions(l.With("password", "canary-by-key"), "harmless")
	number := uint64(4111111111111111)
	l.Info("witness", "n", number, "i", int64(number), "f", float64(number), "in", map[string]any{"n": number, "list": []int64{int64(number)}})
	searched(t, logs, s.SpoolDir, &stderr)
}

// searched ends the logs, and looks for canaries in all that they have written.
func searched(t *testing.T, logs *Logs, dir string, stderr *bytes.Buffer) {
	t.Helper()
	limit, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := logs.Close(limit); err != nil {
		t.Fatal(err)
	}
	if n := valueOf(t, logs.stderr.dropped); n > 0 {
		t.Fatalf("%v lines are missing on stderr", n)
	}
	for where, all := range map[string][]byte{"stderr": stderr.Bytes(), "the spool": contents(t, dir)} {
		found := 0
		for _, c := range append(canaries(), canary{"key", "", "canary-by-key"}, canary{"card", "", "4.111111111111111e+15"}) {
			if i := bytes.Index(all, []byte(c.secret)); i >= 0 {
				found++
				t.Errorf("%q is in %s: %q", c.secret, where, all[max(0, i-200):min(len(all), i+100)])
			}
			if mark := []byte("[redacted:" + c.kind + "]"); bytes.Count(all, mark) < 20 && c.text != "" {
				t.Errorf("%q left no mark in %s", c.text, where)
			}
		}
		witnesses := bytes.Count(all, []byte(`"msg":"witness"`))
		if want := (len(canaries()) + 1) * 100; witnesses < want {
			t.Errorf("%d witnesses in %s, want %d: records are missing", witnesses, where, want)
		}
		t.Logf("METRIC canaries_found=%d limit=0 (%s: %d bytes, %d records)", found, where, len(all), witnesses)
	}
}

// settle waits until stderr has taken what it was given, so that nothing is dropped.
func settle(t *testing.T, logs *Logs) {
	t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		logs.stderr.mu.Lock()
		left := len(logs.stderr.pending)
		logs.stderr.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("stderr does not take its lines")
		}
		<-time.After(time.Millisecond)
	}
}

func contents(t *testing.T, dir string) (all []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all = append(all, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
