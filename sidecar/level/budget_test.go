package level

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// heard collects a table's notices.
type heard struct {
	mu  sync.Mutex
	all []string
}

func listen(t *Table) *heard {
	h := &heard{}
	t.OnSpent(func(id string, lines, bytes int64) { h.add(fmt.Sprintf("spent %s %d %d", id, lines, bytes)) })
	t.OnShed(func(s Shed) {
		h.add(fmt.Sprintf("ended %s %q %s %d %d", s.LeaseID, s.Logger, s.Level, s.Lines, s.Bytes))
	})
	return h
}

func (h *heard) add(s string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, s)
}

func (h *heard) list() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.all, "; ")
}

func (h *heard) want(t *testing.T, list string) {
	t.Helper()
	wait.For(t, 10*time.Second, list, func() bool { return h.list() == list })
}

// write is a line's way through a table: asked, made, paid.
func write(v *Var, l slog.Level, bytes int) bool {
	if !v.Enabled(l) {
		if v.Suppress(l) {
			v.Weigh(l, bytes)
		}
		return false
	}
	pay, ok := v.Admit(l)
	return ok && pay.Pay(bytes)
}

// TestBudgetIsExact: however many write at once, as many lines pass as the budget has, the level falls back for all loggers,
// and every line that was not written is told when the lease ends.
func TestBudgetIsExact(t *testing.T) {
	t.Parallel()
	const workers, each, budget = 8, 5000, 777
	table := NewTable(Spec{Root: slog.LevelInfo})
	h := listen(table)
	lease := []Override{{LeaseID: "l-1", Logger: "a", Level: slog.LevelDebug, Lines: budget}}
	vars := []*Var{table.Var("a"), table.Var("a.b"), table.Var("c")}
	table.Override(lease)
	var passed [workers]int
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				if write(vars[(w+i)%2], slog.LevelDebug, 100) {
					passed[w]++
				}
				if !write(vars[0], slog.LevelInfo, 1_000_000) || write(vars[2], slog.LevelDebug, 1) {
					panic("what the lease does not concern has changed")
				}
			}
		})
	}
	all.Wait()
	sum := 0
	for _, n := range passed {
		sum += n
	}
	if sum != budget || vars[0].Level() != slog.LevelInfo || vars[1].Level() != slog.LevelInfo {
		t.Errorf("%d lines passed by a budget of %d; the levels are %s and %s", sum, budget, vars[0].Level(), vars[1].Level())
	}
	table.Override(append(lease, Override{LeaseID: "l-2", Logger: "c", Level: slog.LevelWarn}))
	if s := table.States()[1]; s.Leased != nil || vars[0].Level() != slog.LevelInfo {
		t.Errorf("the same lease has come to life again: %+v", s)
	}
	shed := uint64(workers*each - budget)
	if table.Shed() != shed {
		t.Errorf("%d lines were shed, and %d are told", shed, table.Shed())
	}
	h.want(t, "spent l-1 777 77700")
	table.Override(nil)
	h.want(t, fmt.Sprintf("spent l-1 777 77700; ended l-1 \"a\" DEBUG %d %d", shed, 100*shed))
	if table.Shed() != shed {
		t.Errorf("the end of the lease has changed what it had shed to %d", table.Shed())
	}
	table.Override(lease)
	if !write(vars[0], slog.LevelDebug, 1) {
		t.Error("a lease that comes anew has nothing to spend")
	}
}

func TestBudgetOfBytes(t *testing.T) {
	t.Parallel()
	table := NewTable(Spec{Root: slog.LevelInfo})
	h := listen(table)
	table.Override([]Override{{LeaseID: "l-1", Level: slog.LevelDebug, Bytes: 1000}})
	v := table.Var("a")
	if !write(v, slog.LevelDebug, 600) || write(v, slog.LevelDebug, 401) || v.Level() != slog.LevelInfo {
		t.Errorf("1000 bytes are not 1000 bytes; the level is %s", v.Level())
	}
	h.want(t, "spent l-1 1 600")
	table.Override(nil)
	h.want(t, `spent l-1 1 600; ended l-1 "" DEBUG 1 401`)
}

// What an earlier process has used of a budget is gone from it; who asks how much was used hears of both.
func TestABudgetGoesOnFromWhatWasUsed(t *testing.T) {
	t.Parallel()
	table := NewTable(Spec{Root: slog.LevelInfo})
	h := listen(table)
	lease := []Override{{LeaseID: "l-1", Level: slog.LevelDebug, Lines: 10, UsedLines: 7, UsedBytes: 700}, {LeaseID: "l-2", Logger: "b", Level: slog.LevelDebug}}
	table.Override(lease)
	v, passed := table.Var("a"), 0
	for range 5 {
		if write(v, slog.LevelDebug, 100) {
			passed++
		}
		table.Override(lease) // as any other change of leases does
	}
	used := ""
	table.Used(func(id string, lines, bytes int64) { used += fmt.Sprintln(id, lines, bytes) })
	if passed != 3 || used != "l-1 10 1000\n" {
		t.Errorf("%d lines passed, used: %s", passed, used)
	}
	h.want(t, "spent l-1 10 1000")
}

// TestBudgetsAgainstModel: of random overrides, a line is paid for by the one without which it would not pass, taken away
// from the strongest on; and none lets through more than it has.
func TestBudgetsAgainstModel(t *testing.T) {
	t.Parallel()
	names := []string{"", "a", "a.b", "a.b.c", "d"}
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(Spec{Root: slog.LevelWarn, Loggers: map[string]slog.Level{"a.b": slog.LevelError}})
		var now []Override
		left, spent := map[string]int64{}, map[string]bool{}
		for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
			if i%10 == 0 {
				now = nil
				for j := range rapid.IntRange(0, 4).Draw(t, "leases") {
					o := Override{LeaseID: fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "id"), "-", j), Logger: rapid.SampledFrom(names).Draw(t, "logger"),
						Level: slog.Level(4 * rapid.IntRange(-1, 2).Draw(t, "level")), Lines: rapid.Int64Range(0, 5).Draw(t, "lines")}
					o.LeaseID += fmt.Sprint(o.Logger, o.Level, o.Lines)
					now = append(now, o)
				}
				table.Override(now)
				for id := range left {
					if !slices.ContainsFunc(now, func(o Override) bool { return o.LeaseID == id }) {
						delete(left, id)
						delete(spent, id)
					}
				}
				for _, o := range now {
					if _, known := left[o.LeaseID]; !known {
						left[o.LeaseID] = o.Lines
					}
				}
			}
			logger, l := rapid.SampledFrom(names).Draw(t, "of"), slog.Level(4*rapid.IntRange(-1, 2).Draw(t, "line"))
			if want, got := modelled(now, left, spent, logger, l), write(table.Var(logger), l, 10); got != want {
				t.Fatalf("line of %q at %s: passes %v, the model says %v; overrides %+v, left %v", logger, l, got, want, now, left)
			}
		}
	})
}

func modelled(all []Override, left map[string]int64, spent map[string]bool, logger string, l slog.Level) bool {
	live := slices.DeleteFunc(slices.Clone(all), func(o Override) bool { return spent[o.LeaseID] })
	passes := func(live []Override) bool {
		return l >= model(Spec{Root: slog.LevelWarn, Loggers: map[string]slog.Level{"a.b": slog.LevelError}}, live, logger)
	}
	if !passes(live) {
		return false
	}
	for {
		at := strongestOf(live, logger)
		if at < 0 {
			return true
		}
		o := live[at]
		if live = slices.Delete(live, at, at+1); passes(live) {
			continue
		}
		if o.Lines > 0 {
			left[o.LeaseID]--
			spent[o.LeaseID] = left[o.LeaseID] == 0
		}
		return true
	}
}

func strongestOf(all []Override, logger string) (at int) {
	at = -1
	for i, o := range all {
		if covers(o.Logger, logger) && (at < 0 || len(o.Logger) >= len(all[at].Logger)) {
			at = i
		}
	}
	return at
}
