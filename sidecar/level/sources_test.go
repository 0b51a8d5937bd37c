package level_test

import (
	"log/slog"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

func TestSources(t *testing.T) {
	t.Parallel()
	table := level.NewTable(level.Spec{Root: slog.LevelInfo})
	s := level.NewSources(table, "fleet", "local")
	want := func(step, logger string, l slog.Level) {
		t.Helper()
		if got := table.Var(logger).Level(); got != l {
			t.Errorf("%s: %s is %v, want %v", step, logger, got, l)
		}
	}
	s.Set("local", []level.Override{{LeaseID: "l", Logger: "a", Level: slog.LevelDebug}})
	s.Set("fleet", []level.Override{{LeaseID: "f", Logger: "a", Level: slog.LevelError}, {LeaseID: "g", Logger: "b", Level: slog.LevelWarn}})
	want("both", "a", slog.LevelDebug)
	want("both", "b", slog.LevelWarn)
	s.Set("local", nil)
	want("local gone", "a", slog.LevelError)
	s.Set("fleet", nil)
	want("none", "a", slog.LevelInfo)
	defer func() {
		if recover() == nil {
			t.Error("an unknown source is taken")
		}
	}()
	s.Set("stranger", nil)
}
