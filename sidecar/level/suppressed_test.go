package level

import (
	"log/slog"
	"math"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestEverySuppressedLineCounts, whoever else counts, before and after the counter has become a crowd.
func TestEverySuppressedLineCounts(t *testing.T) {
	t.Parallel()
	const each, workers = 20_000, 8
	table := NewTable(Spec{Root: slog.LevelError})
	v := table.Var("a")
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				l := slog.Level(4 * (i % 2))
				if v.Suppress(l) {
					v.Weigh(l, 100)
				}
				if w == 0 && i == each/2 {
					v.at(0).crowd.CompareAndSwap(nil, newCrowd())
				}
			}
		})
	}
	all.Wait()
	want := []Suppressed{{"a", slog.LevelInfo, each * workers / 2, each * workers / 2 * 100}, {"a", slog.LevelWarn, each * workers / 2, each * workers / 2 * 100}}
	if d := cmp.Diff(want, table.Suppressed()); d != "" {
		t.Error(d)
	}
}

// TestWeighing: one in about 1024 lines, more often at first, and no more than two are asked for where nobody weighs. Lines
// that alternate between two sizes are taken for their mean.
func TestWeighing(t *testing.T) {
	t.Parallel()
	const lines = 1 << 20
	table := NewTable(Spec{})
	v := table.Var("a")
	weighed, asked := 0, 0
	for i := range lines {
		if v.Suppress(slog.LevelDebug) {
			weighed++
			v.Weigh(slog.LevelDebug, 100+900*(i%2))
		}
		if v.Suppress(slog.LevelInfo) {
			asked++
		}
	}
	if weighed < lines/every/2 || weighed > 2*lines/every || asked > 4*lines/every {
		t.Errorf("of %d lines %d were weighed; %d were asked for that nobody weighed", lines, weighed, asked)
	}
	got := table.Suppressed()[0]
	if off := math.Abs(float64(got.Bytes)/(550*lines) - 1); off > 0.2 || got.Lines != lines {
		t.Errorf("%d lines of 550 bytes came to %d: %.0f %% off", got.Lines, got.Bytes, 100*off)
	}
}

// TestSuppressedOnlyGrows, whatever is weighed.
func TestSuppressedOnlyGrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(Spec{})
		v := table.Var("a")
		before := Suppressed{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			for range rapid.IntRange(0, 50).Draw(t, "lines") {
				v.Suppress(slog.LevelDebug)
			}
			if rapid.Bool().Draw(t, "weigh") {
				v.Weigh(slog.LevelDebug, rapid.IntRange(1, 10_000).Draw(t, "bytes"))
			}
			if all := table.Suppressed(); len(all) > 0 {
				if all[0].Lines < before.Lines || all[0].Bytes < before.Bytes {
					t.Fatalf("%+v came after %+v", all[0], before)
				}
				before = all[0]
			}
		}
	})
}

// TestLevelsAreBounded: what is made of arbitrary numbers takes no more than 33 counters, and none is lost.
func TestLevelsAreBounded(t *testing.T) {
	t.Parallel()
	table := NewTable(Spec{})
	v := table.Var("a")
	for l := range 2000 {
		v.Suppress(slog.Level(l - 1000))
	}
	v.Suppress(math.MinInt64)
	n := uint64(0)
	for _, s := range table.Suppressed() {
		n += s.Lines
	}
	if all := table.Suppressed(); len(all) != 2*farthest+1 || n != 2001 {
		t.Errorf("%d counters with %d lines", len(all), n)
	}
}

func TestSuppressAllocatesNothing(t *testing.T) {
	v := NewTable(Spec{}).Var("a")
	for _, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		v.Suppress(l)
		if n := testing.AllocsPerRun(5000, func() { v.Suppress(l) }); n != 0 {
			t.Errorf("%v allocations a line", n)
		}
	}
	v.at(slog.LevelDebug).crowd.Store(newCrowd())
	if n := testing.AllocsPerRun(5000, func() { v.Suppress(slog.LevelDebug) }); n != 0 {
		t.Errorf("%v allocations a line in a crowd", n)
	}
}

// TestCrowdSpreads: goroutines count on cells of their own, as far as there are cells.
func TestCrowdSpreads(t *testing.T) {
	t.Parallel()
	m := newCrowd()
	used := map[*cell]bool{}
	var mu sync.Mutex
	var all sync.WaitGroup
	hold := make(chan struct{})
	for range 4 * len(m.cells) {
		all.Go(func() {
			x := m.mine()
			mu.Lock()
			used[x] = true
			mu.Unlock()
			<-hold
		})
	}
	close(hold)
	all.Wait()
	if len(used) < 2 {
		t.Errorf("%d of %d cells are used", len(used), len(m.cells))
	}
	t.Logf("METRIC cells_used=%d limit=%d", len(used), len(m.cells))
}
