package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// twin gives each record to a handler that writes it, and to one whose black box keeps it, of the same trace.
type twin struct {
	ctx          context.Context
	direct, kept slog.Handler
}

func (w twin) Enabled(context.Context, slog.Level) bool { return true }

func (w twin) Handle(_ context.Context, r slog.Record) error {
	_ = w.direct.Handle(w.ctx, r.Clone())
	return w.kept.Handle(w.ctx, r)
}

func (w twin) WithAttrs(all []slog.Attr) slog.Handler {
	return twin{w.ctx, w.direct.WithAttrs(all), w.kept.WithAttrs(all)}
}

func (w twin) WithGroup(name string) slog.Handler {
	return twin{w.ctx, w.direct.WithGroup(name), w.kept.WithGroup(name)}
}

// twins are both sides of one; same releases what was kept, and compares.
type twins struct {
	l               *slog.Logger
	direct, release *captured
	box             *BlackBox
	ctx             context.Context
	drafts, trimmed int
}

func newTwins(t interface{ Fatal(...any) }) *twins {
	w := &twins{direct: &captured{}, release: &captured{}, ctx: traceContext(1)}
	f := testFormat()
	box, err := newBlackBox(w.release, f, BlackBoxSettings{Share: 1, Bytes: 64 << 20}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	w.box = box
	of := func(to sink, at slog.Level) slog.Handler {
		return newHandler(to, f, Settings{Service: "catalogs", Instance: "catalogs-1", Levels: level.NewTable(level.Spec{Root: at}), box: box}, "a.b")
	}
	w.l = slog.New(twin{w.ctx, of(w.direct, math.MinInt), of(w.release, math.MaxInt)})
	return w
}

const why = `,"retroactive_why":"x"`

// same fails unless what is released is what was written, but for its marks.
func (w *twins) same(t interface{ Fatalf(string, ...any) }) {
	chain := w.box.take(idOf(w.ctx))
	for _, place := range chain.ByTime() {
		if place.Class&isDraft != 0 {
			w.drafts++
		}
	}
	w.box.ship(idOf(w.ctx), &chain, "x")
	w.box.ring.Free(chain)
	w.box.ring.Clear() // it is closed again for the trace
	w.box.settle()
	if len(w.release.lines) != len(w.direct.lines) {
		t.Fatalf("%d lines are released of %d", len(w.release.lines), len(w.direct.lines))
	}
	for i, line := range w.release.lines {
		got, want := string(line), string(w.direct.lines[i])
		got = strings.Replace(got, `,"attrs":{"retroactive":true`+why+`}}`, "}", 1)
		got = strings.Replace(strings.Replace(got, `"attrs":{"retroactive":true,`, `"attrs":{`, 1), why+"}}", "}}", 1)
		if strings.Contains(want, "[truncated") && len(want) > maxLine/2 {
			w.trimmed++ // where exactly such a value is cut depends on what stands before it
			if !strings.Contains(got, "[truncated") || !json.Valid(line) || len(line) > 2*maxLine {
				t.Fatalf("%d bytes: %.200s", len(line), line)
			}
			continue
		}
		if got != want || w.release.classes[i] != w.direct.classes[i] {
			t.Fatalf("released, in class %v:\n%.2000s\nwritten, in class %v:\n%.2000s", w.release.classes[i], got, w.direct.classes[i], want)
		}
	}
	w.direct.lines, w.direct.classes, w.release.lines, w.release.classes = nil, nil, nil, nil
}

// TestAReleasedLineIsTheLine: byte for byte what would have been written, whatever is logged, with all redaction.
func TestAReleasedLineIsTheLine(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	defer w.box.close()
	for _, c := range canaries() {
		positions(w.l, c.text)
		w.same(t)
	}
	other, _ := capture("x")
	for name, h := range hostile(other) {
		if name == "5 MiB" { // as a message, too
			w.l.Debug(fmt.Sprint(h.v))
		}
		w.l.Debug("odd", "before", 1, "v", h.v, "after", 2)
		w.l.With("before", 1, "v", h.v).WithGroup("g").With("a", 1).Debug("odd", "after", 2, "v", h.v)
		w.l.WithGroup("secret").Debug("odd", "v", h.v)
		w.same(t)
	}
	var many []any
	for i := range 3 * maxAttrs {
		many = append(many, slog.String(fmt.Sprint("k", i), strings.Repeat("x", short)))
	}
	w.l.Debug("many", many...)
	w.l.Debug("long", many[:2*maxAttrs/3]...)
	w.l.Debug("short", many[:5]...)
	w.same(t)
	for _, at := range []time.Time{{}, time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 9, time.UTC)} {
		_ = w.l.Handler().Handle(w.ctx, slog.NewRecord(at, slog.Level(math.MaxInt32), "", 0))
		w.same(t)
	}
	if w.drafts < 1000 {
		t.Errorf("only %d drafts: the test shows too little", w.drafts)
	}
	t.Logf("%d drafts, %d lines cut", w.drafts, w.trimmed)
}

// TestAnyDraftMakesItsLine (property): of random attributes, groups and handlers.
func TestAnyDraftMakesItsLine(t *testing.T) {
	t.Parallel()
	w := newTwins(t)
	defer w.box.close()
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "password", "token", "4111111111111111", "Bearer canary-0a1b2c3d4e5f", strings.Repeat("ä\x00", short), "\xff", "audit"}))
	rapid.Check(t, func(t *rapid.T) {
		attr := rapid.Custom(func(t *rapid.T) slog.Attr {
			key := text.Draw(t, "key")
			switch rapid.IntRange(0, 8).Draw(t, "kind") {
			case 0:
				return slog.Int64(key, rapid.Int64().Draw(t, "int"))
			case 1:
				return slog.Uint64(key, rapid.Uint64().Draw(t, "uint"))
			case 2:
				return slog.Float64(key, rapid.Float64().Draw(t, "float"))
			case 3:
				return slog.Bool(key, rapid.Bool().Draw(t, "bool"))
			case 4:
				return slog.Duration(key, time.Duration(rapid.Int64().Draw(t, "duration")))
			case 5:
				return slog.Time(key, time.Unix(rapid.Int64Range(-1e11, 1e11).Draw(t, "time"), 7))
			case 6:
				return slog.Any(key, rapid.SliceOf(text).Draw(t, "any"))
			case 7:
				return slog.Group(key, text.Draw(t, "in"), text.Draw(t, "value"))
			}
			return slog.String(key, text.Draw(t, "value"))
		})
		attrs := rapid.SliceOfN(attr, 0, 6)
		h := w.l.Handler()
		for range rapid.IntRange(0, 3).Draw(t, "derived") {
			if rapid.Bool().Draw(t, "group") {
				h = h.WithGroup(text.Draw(t, "name"))
			} else {
				h = h.WithAttrs(attrs.Draw(t, "with"))
			}
		}
		r := slog.NewRecord(time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(t, "at"), 1), slog.Level(rapid.IntRange(-20, 20).Draw(t, "level")), text.Draw(t, "message"), 0)
		r.AddAttrs(attrs.Draw(t, "attrs")...)
		_ = h.Handle(context.Background(), r)
		w.same(t)
	})
}

// within gives what is logged without a context that of a trace.
type within struct {
	slog.Handler
	ctx context.Context
}

func (w within) Enabled(_ context.Context, l slog.Level) bool { return w.Handler.Enabled(w.ctx, l) }

func (w within) Handle(_ context.Context, r slog.Record) error { return w.Handler.Handle(w.ctx, r) }

func (w within) WithAttrs(all []slog.Attr) slog.Handler {
	return within{w.Handler.WithAttrs(all), w.ctx}
}

func (w within) WithGroup(name string) slog.Handler {
	return within{w.Handler.WithGroup(name), w.ctx}
}

// TestCanariesOfTheBox: nothing of what is kept is to be seen outside of the process before it is released, and none of its
// secrets then.
func TestCanariesOfTheBox(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	s := settings(t, "catalogs-1")
	s.Stderr, s.BlackBox = &stderr, BlackBoxSettings{Share: 1, Bytes: 64 << 20}
	s.Levels = level.NewTable(level.Spec{Root: slog.LevelError + 1})
	logs := opened(t, s)
	all := append(canaries(), canary{text: "harmless"})
	for i, c := range all {
		l := slog.New(within{logs.Logger("catalogs.canary").Handler(), traceContext(uint64(i + 1))})
		if c.kind == "" {
			l = l.With("password", "canary-by-key")
			l.Info("witness", "n", 4111111111111111, "f", 4111111111111111.0, "token", "canary-by-key")
		}
		positions(l, c.text)
	}
	settle(t, logs)
	if logs.waiting() > 0 || stderr.Len() > 0 || bytes.Contains(contents(t, s.SpoolDir), []byte("witness")) {
		t.Fatal("what is kept is to be seen")
	}
	for i, c := range all {
		if n := logs.BlackBox().Release(idOf(traceContext(uint64(i+1))), "failed: "+c.text); n < 100 {
			t.Errorf("%d lines released", n)
		}
		settle(t, logs)
	}
	searched(t, logs, s.SpoolDir, &stderr)
}
