package logging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// touchy must not be asked for anything while its level is off.
type touchy struct{ asked *atomic.Int64 }

func (x touchy) LogValue() slog.Value { x.asked.Add(1); return slog.StringValue("v") }

type touchyText struct{ asked *atomic.Int64 }

func (x touchyText) String() string { x.asked.Add(1); return "v" }
func (x touchyText) Error() string  { x.asked.Add(1); return "v" }

// TestWeighingIsNotSeen: of a level that is off nothing is written, no code of the caller's is run, no memory of theirs is
// read that others write to, and nothing is counted but the line.
func TestWeighingIsNotSeen(t *testing.T) {
	t.Parallel()
	const lines = 8000
	c := &captured{}
	table := level.NewTable(level.Spec{})
	reg := prometheus.NewRegistry()
	counted, err := newTally(reg)
	if err != nil {
		t.Fatal(err)
	}
	l := slog.New(newHandler(c, newFormat(testFormat().rules, counted), Settings{Levels: table}, "a")).With("x", 1).WithGroup("g")
	var asked atomic.Int64
	shared := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for i := range lines {
				l.Debug("postgres://app:hunter2@db/x", "password", "hunter2", "valuer", touchy{&asked}, "text", touchyText{&asked}, "map", shared, "ptr", &shared,
					"list", []any{touchyText{&asked}}, "many", strings.Repeat("x", maxString+1), "audit", true, slog.Group("h", "valuer", touchy{&asked}))
				if l.Enabled(context.Background(), slog.LevelDebug) {
					l.Debug("guarded")
				}
				mu.Lock()
				shared["n"] = i
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(c.lines) > 0 || asked.Load() > 0 {
		t.Errorf("%d lines written, %d calls of the caller's code", len(c.lines), asked.Load())
	}
	if n := testutil.CollectAndCount(reg, "signalbox_log_redacted_total", "signalbox_log_truncated_total"); n != 0 {
		for _, m := range []prometheus.Counter{counted.texts, counted.attrs} {
			if testutil.ToFloat64(m) != 0 {
				t.Error("what was only weighed is counted as changed")
			}
		}
	}
	got := table.Suppressed()
	if n := got[0].Lines; n < 4*lines || n > 4*lines+4*lines/100 || got[0].Bytes < n*100 {
		t.Errorf("%+v of %d calls", got, 4*lines)
	}
}

// TestPreview: what the tally says a lower level would add is within 20 % of what is written then, in lines and bytes.
func TestPreview(t *testing.T) {
	t.Parallel()
	const rounds = 30_000
	c := &measured{}
	table := level.NewTable(level.Spec{})
	s := Settings{Service: "catalogs", Instance: "catalogs-1", Levels: table}
	var loggers []*slog.Logger
	for _, name := range []string{"catalogs.store", "catalogs.store.rls", "catalogs.http"} {
		loggers = append(loggers, slog.New(newHandler(c, testFormat(), s, name)))
	}
	work := func() {
		for i := range rounds {
			l := loggers[i%len(loggers)]
			l.Debug("row read", "table", "records", "id", fmt.Sprintf("r-%d", i), "took", time.Duration(i)*time.Microsecond)
			if i%3 == 0 {
				l.Log(context.Background(), slog.LevelDebug-4, "page", "offset", i, "text", strings.Repeat("abcdefgh ", i%100))
			}
			if i%5 == 0 {
				l.With("tenant", "acme").Debug("refused", KeyError, fmt.Errorf("row %d: %w", i, errors.ErrUnsupported), "cause", errors.New("no permission"))
			}
			l.Info("not affected")
		}
	}
	work()
	var lines, bytes, quietLines, quietBytes uint64
	for _, x := range table.Suppressed() {
		if strings.HasPrefix(x.Logger, "catalogs.store") && x.Level >= slog.LevelDebug {
			quietLines, quietBytes = quietLines+x.Lines, quietBytes+x.Bytes
		}
		lines, bytes = lines+x.Lines, bytes+x.Bytes
	}
	for _, is := range []struct {
		lease        level.Override
		lines, bytes uint64
	}{
		{level.Override{LeaseID: "l-1", Level: slog.LevelDebug - 4}, lines, bytes},
		{level.Override{LeaseID: "l-2", Logger: "catalogs.store", Level: slog.LevelDebug}, quietLines, quietBytes},
	} {
		table.Override([]level.Override{is.lease})
		c.lines.Store(0)
		c.bytes.Store(0)
		c.info.Store(0)
		work()
		gotLines, gotBytes := c.lines.Load()-rounds, c.bytes.Load()-c.info.Load() // without those at INFO
		offLines, offBytes := math.Abs(float64(is.lines)/float64(gotLines)-1), math.Abs(float64(is.bytes)/float64(gotBytes)-1)
		t.Logf("METRIC preview_bytes_off_percent=%.1f limit=20", 100*offBytes)
		if offLines > 0.01 || offBytes > 0.2 {
			t.Errorf("%s of %q: %d lines and %d bytes were foretold, %d and %d came", is.lease.Level, is.lease.Logger, is.lines, is.bytes, gotLines, gotBytes)
		}
	}
}

// measured is a sink that only counts.
type measured struct{ lines, bytes, info atomic.Int64 }

func (m *measured) record(class spool.Class, frame []byte) {
	m.lines.Add(1)
	m.bytes.Add(int64(len(frame) - spool.HeaderSize))
	if class == spool.Info {
		m.info.Add(int64(len(frame) - spool.HeaderSize))
	}
}

// TestLinesWhileLevelsChange: each line is either written or counted, up to those that a change finds in the making.
func TestLinesWhileLevelsChange(t *testing.T) {
	t.Parallel()
	const workers, each = 4, 20_000
	c := &measured{}
	table := level.NewTable(level.Spec{})
	l := slog.New(newHandler(c, testFormat(), Settings{Levels: table}, "a"))
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range each {
				l.Debug("x")
			}
		})
	}
	var running atomic.Bool
	running.Store(true)
	go func() { all.Wait(); running.Store(false) }()
	changes := int64(0)
	for ; running.Load(); changes++ {
		table.Override([]level.Override{{LeaseID: "l-1", Level: slog.Level(-4 * (changes % 2))}})
	}
	got := int64(table.Suppressed()[0].Lines) + c.lines.Load()
	if off := got - workers*each; max(off, -off) > workers*changes || changes < 10 {
		t.Errorf("%d of %d lines are accounted for, after %d changes", got, workers*each, changes)
	}
	t.Logf("METRIC lines_in_the_making=%d limit=%d", got-workers*each, workers*changes)
}

// TestBudgetOfALease: as many lines as it has, one record when it is spent, and one of what was shed when the lease ends.
func TestBudgetOfALease(t *testing.T) {
	t.Parallel()
	var out output
	reg := prometheus.NewRegistry()
	table := level.NewTable(level.Spec{Root: slog.LevelError})
	logs := opened(t, Settings{Service: "catalogs", Instance: "catalogs-1", Stderr: &out, Levels: table, Registerer: reg})
	l := logs.Logger("catalogs.store")
	table.Override([]level.Override{{LeaseID: "l-1", Logger: "catalogs", Level: slog.LevelDebug, Lines: 5}})
	for range 100 {
		l.Debug("row read")
	}
	out.await(t, `"the budget of a lease is spent, its level has fallen back"`, `"lease_id":"l-1","written_lines":5,`)
	if n := strings.Count(out.String(), "row read"); n != 5 {
		t.Errorf("%d lines of a budget of 5", n)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`# HELP signalbox_lease_shed_total Lines that leases would have let through, had their budgets not been spent
# TYPE signalbox_lease_shed_total counter
signalbox_lease_shed_total 95
`), "signalbox_lease_shed_total"); err != nil {
		t.Error(err)
	}
	table.Override(nil)
	out.await(t, `"a lease has ended whose budget was spent"`, `"lease_id":"l-1","target":"catalogs","target_level":"DEBUG","shed_lines":95,`)
}

// output is a stderr to look at.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) await(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		wait.For(t, 10*time.Second, part, func() bool { return strings.Contains(o.String(), part) })
	}
}

// TestDebuggedFlow: the lines of a request that a debug lease is for are written and say so; others cost nothing more.
func TestDebuggedFlow(t *testing.T) {
	flows := debug.NewFlows(debug.Settings{})
	flows.Apply([]lease.Lease{{ID: "l-1", Kind: lease.Debug, Value: `{"level":"DEBUG","user":"42"}`}})
	c := &captured{}
	l := slog.New(newHandler(c, testFormat(), Settings{Levels: level.NewTable(level.Spec{Root: slog.LevelWarn}), Flows: flows}, "a")).With("x", 1).WithGroup("g")
	ctx, end := flows.Match(context.Background(), debug.Request{User: "42"})
	l.DebugContext(ctx, "seen", "y", 2)
	l.WarnContext(ctx, "in any case")
	l.Log(ctx, slog.LevelDebug-4, "too low")
	l.DebugContext(context.Background(), "another's")
	other := deep(15)
	if n := testing.AllocsPerRun(5000, func() { l.LogAttrs(other, slog.LevelDebug, "another's", slog.Int("n", 1)) }); n != 0 {
		t.Errorf("%v allocations for a line that is off", n)
	}
	end()
	l.DebugContext(ctx, "over")
	if len(c.lines) != 2 || c.classes[0] != spool.Debug {
		t.Fatalf("%d lines: %s", len(c.lines), c.lines)
	}
	if got := string(c.lines[0]); !strings.HasSuffix(got, `"attrs":{"lease_id":"l-1","x":1,"g":{"y":2}}}`) {
		t.Error(got)
	}
	if strings.Contains(string(c.lines[1]), "lease_id") {
		t.Errorf("a line that is enabled anyway: %s", c.lines[1])
	}
}

// TestDebuggedFlowKeepsToItsBudget: the line that is too large for it is not written.
func TestDebuggedFlowKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	flows := debug.NewFlows(debug.Settings{})
	flows.Apply([]lease.Lease{{ID: "l-1", Kind: lease.Debug, Value: `{"level":"DEBUG","user":"42"}`, Bytes: 300}})
	c, table, reg := &captured{}, level.NewTable(level.Spec{Root: slog.LevelWarn}), prometheus.NewRegistry()
	if err := registerLevels(table, flows, reg); err != nil {
		t.Fatal(err)
	}
	l := slog.New(newHandler(c, testFormat(), Settings{Levels: table, Flows: flows}, "a"))
	ctx, end := flows.Match(context.Background(), debug.Request{User: "42"})
	defer end()
	for range 10 {
		l.DebugContext(ctx, "seen")
	}
	written := 0
	for _, line := range c.lines {
		written += len(line)
	}
	if written == 0 || written > 300 {
		t.Errorf("%d bytes are written in %d lines", written, len(c.lines))
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(fmt.Sprintf(`# HELP signalbox_lease_shed_total Lines that leases would have let through, had their budgets not been spent
# TYPE signalbox_lease_shed_total counter
signalbox_lease_shed_total %d
`, 10-len(c.lines))), "signalbox_lease_shed_total"); err != nil {
		t.Error(err)
	}
}

// TestDisabledAllocatesNothing, whatever is on.
func TestDisabledAllocatesNothing(t *testing.T) {
	for _, box := range []BlackBoxSettings{{}, {Share: 1e-18}} {
		logs := opened(t, Settings{Service: "a", Instance: "a-1", Stderr: io.Discard, BlackBox: box})
		l := logs.Logger("a.b")
		ctx := traceContext(1)
		call := func() { l.LogAttrs(ctx, slog.LevelDebug, "x", slog.Int("n", 1), slog.String("s", "t")) }
		for range 20_000 {
			call()
		}
		if n := testing.AllocsPerRun(20_000, call); n != 0 {
			t.Errorf("%v allocations with %+v", n, box)
		}
	}
}

// TestMetricsOfLevels.
func TestMetricsOfLevels(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	table := level.NewTable(level.Spec{Root: slog.LevelWarn})
	logs := opened(t, Settings{Service: "a", Instance: "a-1", Stderr: io.Discard, Levels: table, Registerer: reg})
	for range 3 {
		logs.Logger("a.b").Debug("x")
		logs.Logger("a.c").Info("x")
	}
	table.Override([]level.Override{{LeaseID: "l-1", Logger: "a.b", Level: slog.LevelDebug}, {LeaseID: "l-2", Logger: "a.c", Level: slog.LevelWarn}})
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`# HELP signalbox_log_level Effective level of each logger that is not at its baseline, as slog counts: -4 debug, 0 info, 4 warn, 8 error
# TYPE signalbox_log_level gauge
signalbox_log_level{logger="a.b"} -4
# HELP signalbox_log_suppressed_total Lines not made because their level is off, by level; the black box may have kept them
# TYPE signalbox_log_suppressed_total counter
signalbox_log_suppressed_total{level="debug"} 3
signalbox_log_suppressed_total{level="error"} 0
signalbox_log_suppressed_total{level="info"} 3
signalbox_log_suppressed_total{level="warn"} 0
`), "signalbox_log_level", "signalbox_log_suppressed_total"); err != nil {
		t.Error(err)
	}
}
