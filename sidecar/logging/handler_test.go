package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LOGGING_TEST_CHILD"); dir != "" {
		child(dir, os.Getenv("LOGGING_TEST_STORE"))
	}
	goleak.VerifyTestMain(m)
}

// captured keeps what a handler hands on.
type captured struct {
	mu      sync.Mutex
	lines   [][]byte
	classes []spool.Class
}

func (c *captured) record(class spool.Class, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, bytes.Clone(frame[spool.HeaderSize:]))
	c.classes = append(c.classes, class)
}

func (c *captured) last(t testing.TB) map[string]any {
	t.Helper()
	return parse(t, c.lines[len(c.lines)-1])
}

func (c *captured) attrs(t testing.TB) map[string]any {
	t.Helper()
	attrs, _ := c.last(t)[KeyAttrs].(map[string]any)
	return attrs
}

func parse(t testing.TB, line []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("line is no JSON: %v\n%.300s", err, line)
	}
	return m
}

func capture(name string) (*slog.Logger, *captured) {
	c := &captured{}
	s := Settings{Service: "catalogs", Instance: "catalogs-1", Levels: level.NewTable(level.Spec{Root: slog.LevelDebug})}
	return slog.New(newHandler(c, testFormat(), s, name)), c
}

func testFormat(entries ...string) *format {
	rules, err := redact.New(entries)
	if err != nil {
		panic(err)
	}
	counted, err := newTally(prometheus.NewRegistry())
	if err != nil {
		panic(err)
	}
	return newFormat(rules, counted)
}

// TestSlogContract runs the standard library's suite; it expects attributes beside the message.
func TestSlogContract(t *testing.T) {
	t.Parallel()
	var c *captured
	slogtest.Run(t, func(*testing.T) slog.Handler {
		var l *slog.Logger
		l, c = capture("x")
		return l.Handler()
	}, func(t *testing.T) map[string]any {
		m := c.last(t)
		if ts, ok := m[KeyTime]; ok {
			m[slog.TimeKey] = ts
		}
		for k, v := range c.attrs(t) {
			m[k] = v
		}
		return m
	})
}

func TestLine(t *testing.T) {
	t.Parallel()
	l, c := capture("catalogs.store")
	traceID, spanID := trace.TraceID{0x4b, 0xf9, 15: 1}, trace.SpanID{7: 0xab}
	ctx := trace.ContextWithSpanContext(context.Background(),
		trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	r := slog.NewRecord(time.Date(2026, 11, 21, 12, 0, 0, 5, time.FixedZone("", 3600)), slog.LevelInfo+2, "say \"hi\"\n", 0)
	r.AddAttrs(slog.Int("n", 3), slog.Group("g", slog.Bool("ok", true), slog.Duration("took", time.Millisecond)))
	_ = l.Handler().Handle(ctx, r)
	want := `{"ts":"2026-11-21T11:00:00.000000005Z","level":"INFO+2","service":"catalogs","instance":"catalogs-1",` +
		`"logger":"catalogs.store","msg":"say \"hi\"\n","trace_id":"4bf90000000000000000000000000001","span_id":"00000000000000ab",` +
		`"attrs":{"n":3,"g":{"ok":true,"took":"1ms"}}}`
	if got := string(c.lines[0]); got != want {
		t.Errorf("line\n%s\nwant\n%s", got, want)
	}
}

func TestClasses(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	l.Debug("d")
	l.Info("i")
	l.Warn("w")
	l.Error("e")
	l.Info("audited", KeyAudit, true)
	l.With(KeyAudit, true).Debug("audited")
	l.WithGroup("g").Info("not audited", KeyAudit, true)
	l.Info("not audited", KeyAudit, "true")
	want := []spool.Class{spool.Debug, spool.Info, spool.Warn, spool.Error, spool.Error, spool.Error, spool.Info, spool.Info}
	if fmt.Sprint(c.classes) != fmt.Sprint(want) {
		t.Errorf("classes %v, want %v", c.classes, want)
	}
}

type login struct {
	User, Password string
	Nested         map[string]any
}

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	l, c := capture("x")
	l.Info("dial postgres://app:"+canary+"@db/x?password="+canary,
		"password", canary, "DB_PASSWD", canary, "clientSecret", canary, "refresh_token", canary, "Authorization", "Bearer "+canary,
		"Set-Cookie", canary, "x-api-key", canary, "private_key", []byte(canary), "log_dsn", canary, "credentials", login{User: canary},
		"url", "see https://"+canary+"@host/a@b and amqp://u:p@"+canary+"@mq, done",
		"libpq", "host=db password='a\\' "+canary+"' user=x",
		slog.Group("request", slog.Group("headers", "cookie", canary)),
		slog.Group("secrets", "harmless", canary),
		"login", login{"ann", canary, map[string]any{"apiKey": []string{canary}, "list": []any{map[string]string{"token": canary}}}},
		"header", http.Header{"Authorization": {canary}, "Accept": {"postgres://u:" + canary + "@h"}},
		"err", fmt.Errorf("connect: %w", errors.New("postgres://u:"+canary+"@h/db refused")))
	l.With("token", canary).WithGroup("cookies").With("a", canary).Info("grouped", "b", canary)
	for _, line := range c.lines {
		if bytes.Contains(line, []byte(canary)) {
			t.Errorf("a secret is in the line: %s", line)
		}
	}
	first := parse(t, c.lines[0])
	if first[KeyMessage] != "dial postgres://app:[redacted:password]@db/x?password=[redacted:key]" {
		t.Errorf("message %q", first[KeyMessage])
	}
	attrs := first[KeyAttrs].(map[string]any)
	if attrs["url"] != "see https://[redacted:password]@host/a@b and amqp://u:[redacted:password]@mq, done" || attrs["login"].(map[string]any)["User"] != "ann" {
		t.Errorf("too much or too little hidden: %v", attrs)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	deep := slog.Int("leaf", 1)
	for range 200 {
		deep = slog.Attr{Key: "g", Value: slog.GroupValue(deep)}
	}
	var wide []any
	for i := range 500 {
		wide = append(wide, slog.Int(fmt.Sprint("k", i), i))
	}
	huge := strings.Repeat("ä", 5<<20)
	l.Info(huge, "text", huge, strings.Repeat("k", 1000), 1, "list", make([]int, 1<<20), "stack", huge, "deep", deep)
	l.Info("wide", wide...)
	grouped := l
	for range 100 {
		grouped = grouped.WithGroup("g")
	}
	grouped.Info("grouped", "a", 1)
	var many []any
	for i := range 100 {
		many = append(many, fmt.Sprint("m", i), huge)
	}
	l.Info("many", many...)
	for _, line := range c.lines {
		parse(t, line)
		if len(line) > spool.MaxFrame-spool.HeaderSize || !bytes.Contains(line, []byte("truncated")) && !bytes.Contains(line, []byte("grouped")) {
			t.Errorf("%d bytes, unmarked: %.100s", len(line), line)
		}
	}
	if n := parse(t, c.lines[1])[KeyAttrs].(map[string]any)[KeyTruncated]; n != 372.0 {
		t.Errorf("%v attributes said to be cut, want 372", n)
	}
}

type angry struct{ s *string }

func (a angry) LogValue() slog.Value          { return slog.StringValue(*a.s) }
func (a angry) Error() string                 { return *a.s }
func (a *angry) MarshalJSON() ([]byte, error) { return []byte(*a.s), nil }

type endless struct{}

func (e endless) LogValue() slog.Value { return slog.AnyValue(e) }

func TestOddValuesNeverCrash(t *testing.T) {
	t.Parallel()
	l, c := capture("x")
	cycle := map[string]any{}
	cycle["self"] = cycle
	var nilError *angry
	for _, v := range []any{angry{}, &angry{}, error(nilError), endless{}, cycle, make(chan int), func() {}, math.NaN(), math.Inf(-1), 1e308,
		nil, []any{nil}, time.Time{}, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), complex(1, 2), "\x00\xff\u2028", json.RawMessage(`{"a":`),
		map[string]any{"a\xff": "\x00"}, uint64(math.MaxUint64), slog.AnyValue(struct{}{}), &struct{ A *int }{}} {
		l.Info("odd\x00\xff", "v", v, "v", v, "id", 1)
		c.last(t)
	}
	l.Info("missing", []any{"key"}...)
	var none context.Context
	l.InfoContext(none, "no context")
}

func TestLevelChangesWhileRunning(t *testing.T) {
	t.Parallel()
	c := &captured{}
	table := level.NewTable(level.Spec{Root: slog.LevelInfo})
	l := slog.New(newHandler(c, testFormat(), Settings{Levels: table}, "a.b")).With("x", 1)
	l.Debug("hidden")
	table.Override([]level.Override{{Logger: "a", Level: slog.LevelDebug}})
	l.Debug("seen")
	table.Override(nil)
	l.Debug("hidden")
	if len(c.lines) != 1 || c.last(t)[KeyMessage] != "seen" {
		t.Errorf("%d lines", len(c.lines))
	}
}
