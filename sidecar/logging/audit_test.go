package logging

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// TestAuditWhateverTheLevel: an audit record is made at any level, in the class of the errors, with audit=true
// outside of all groups and once.
func TestAuditWhateverTheLevel(t *testing.T) {
	t.Parallel()
	c := &captured{}
	table := level.NewTable(level.Spec{Root: slog.LevelError + 100})
	l := slog.New(newHandler(c, testFormat(), Settings{Levels: table}, "identity.audit"))
	ctx := context.Background()
	for name, made := range map[string]func(){
		"plain":         func() { Audit(ctx, l, "signed in", slog.String("user_id", "u-1")) },
		"with before":   func() { Audit(ctx, l.With("user_id", "u-1"), "signed in") },
		"in a group":    func() { Audit(ctx, l.WithGroup("request").With("id", 1), "signed in", slog.Int("n", 2)) },
		"pending group": func() { Audit(ctx, l.WithGroup("request"), "signed in", slog.Int("n", 2)) },
		"marked twice":  func() { Audit(ctx, l, "signed in", slog.Bool(KeyAudit, true), slog.Int("n", 2)) },
		"marked before": func() { Audit(ctx, l.With(KeyAudit, true), "signed in") },
		"derived":       func() { l.With(KeyAudit, true).Debug("signed in") },
		"then grouped":  func() { l.With(KeyAudit, true).WithGroup("g").Info("signed in", "a", 1) },
	} {
		before := len(c.lines)
		made()
		if len(c.lines) != before+1 {
			t.Errorf("%s: %d records, want one", name, len(c.lines)-before)
			continue
		}
		line := c.lines[before]
		if c.attrs(t)[KeyAudit] != true || bytes.Count(line, []byte(`"audit"`)) != 1 || c.classes[before] != spool.Error {
			t.Errorf("%s: class %v, %s", name, c.classes[before], line)
		}
	}
	before := len(c.lines)
	l.Info("swallowed", KeyAudit, true)
	l.WithGroup("g").With(KeyAudit, true).Info("no audit record")
	if len(c.lines) != before {
		t.Errorf("%d records, want none", len(c.lines)-before)
	}
}

// TestAuditThroughAForeignHandler: the mark is there, wherever it ends up.
func TestAuditThroughAForeignHandler(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	Audit(context.Background(), slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})), "moved", slog.Int("n", 1))
	m := parse(t, out.Bytes())
	if m[KeyAudit] != true || m["n"] != 1.0 || m[KeyMessage] != "moved" {
		t.Errorf("record %s", out.String())
	}
}
