package level

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestInheritance(t *testing.T) {
	t.Parallel()
	spec, err := ParseSpec("info,catalogs.store=debug")
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable(spec)
	rls := table.Var("catalogs.store.rls")
	want(t, rls, slog.LevelDebug)
	want(t, table.Var("catalogs.storefront"), slog.LevelInfo)

	table.Override([]Override{{LeaseID: "a", Level: slog.LevelError}, {LeaseID: "b", Logger: "catalogs.store", Level: slog.LevelWarn}})
	want(t, rls, slog.LevelWarn)
	want(t, table.Var("other"), slog.LevelError)

	table.Override(nil)
	want(t, rls, slog.LevelDebug)
	if table.Var("catalogs.store.rls") != rls {
		t.Error("a logger's Var changed")
	}
}

func want(t *testing.T, v *Var, l slog.Level) {
	t.Helper()
	if v.Level() != l || v.Enabled(l-1) || !v.Enabled(l) {
		t.Errorf("%s is at %s, want %s", v.Logger(), v.Level(), l)
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	table := NewTable(Spec{Root: slog.LevelInfo, Loggers: map[string]slog.Level{"a": slog.LevelWarn}})
	table.Var("a.b")
	debug := slog.LevelDebug
	table.Override([]Override{{LeaseID: "old", Logger: "a", Level: slog.LevelError}, {LeaseID: "new", Logger: "a", Level: debug}})
	got := table.States()
	expected := []State{
		{Configured: slog.LevelInfo, Effective: slog.LevelInfo},
		{Logger: "a", Configured: slog.LevelWarn, Leased: &debug, LeaseID: "new", Effective: debug},
		{Logger: "a.b", Configured: slog.LevelWarn, Leased: &debug, LeaseID: "new", Effective: debug},
	}
	if d := cmp.Diff(expected, got); d != "" {
		t.Error(d)
	}
}

// TestAgainstModel compares with the plainest statement of the law: walk all entries, the longest
// matching name wins, an override before any baseline.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 0, 4).Draw(t, "parts"), ".")
	})
	lv := rapid.Custom(func(t *rapid.T) slog.Level { return slog.Level(rapid.IntRange(-8, 12).Draw(t, "level")) })
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{Root: lv.Draw(t, "root"), Loggers: rapid.MapOf(name.Filter(func(s string) bool { return s != "" }), lv).Draw(t, "baseline")}
		table := NewTable(spec)
		early := table.Var(name.Draw(t, "early"))
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			overrides := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Override {
				return Override{Logger: name.Draw(t, "logger"), Level: lv.Draw(t, "level")}
			}), 0, 5).Draw(t, "overrides")
			table.Override(overrides)
			for _, v := range []*Var{early, table.Var(name.Draw(t, "late"))} {
				if l := model(spec, overrides, v.Logger()); v.Level() != l {
					t.Fatalf("%q is at %s, the model says %s", v.Logger(), v.Level(), l)
				}
			}
		}
	})
}

func model(spec Spec, overrides []Override, logger string) slog.Level {
	level, length := spec.Root, -1
	for name, l := range spec.Loggers {
		if covers(name, logger) && len(name) > length {
			level, length = l, len(name)
		}
	}
	length = -1
	for _, o := range overrides {
		if covers(o.Logger, logger) && len(o.Logger) >= length {
			level, length = o.Level, len(o.Logger)
		}
	}
	return level
}

func covers(ancestor, logger string) bool {
	return ancestor == "" || ancestor == logger || strings.HasPrefix(logger, ancestor+".")
}

func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	table := NewTable(Spec{Root: slog.LevelInfo})
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for j := range 500 {
				table.Override([]Override{{Logger: "a", Level: slog.Level(4 * (j % 3))}})
				_ = table.Var(fmt.Sprintf("a.%d.%d", i, j%7)).Level()
				_ = table.States()
			}
		})
	}
	work.Wait()
	table.Override(nil)
	for _, s := range table.States() {
		if v := table.Var(s.Logger); v.Level() != slog.LevelInfo {
			t.Errorf("%q stayed at %s", s.Logger, v.Level())
		}
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	v := NewTable(Spec{}).Var("a.b")
	if n := testing.AllocsPerRun(100, func() { _ = v.Enabled(slog.LevelDebug) }); n != 0 {
		t.Errorf("%v allocations a read", n)
	}
}

// TestCacheLines holds what the layout promises.
func TestCacheLines(t *testing.T) {
	t.Parallel()
	if at := unsafe.Offsetof(Var{}.counter) + unsafe.Offsetof(counter{}.weight); at > 64 || unsafe.Sizeof(Var{}) != 128 || unsafe.Sizeof(lone{}) != 128 {
		t.Errorf("a disabled call touches %d bytes of a Var of %d; a lone counter has %d", at, unsafe.Sizeof(Var{}), unsafe.Sizeof(lone{}))
	}
}
