package fleet

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// mesh is what view-service knows, and what it has said.
type mesh struct {
	*rand.Rand
	t        *testing.T
	revision int64
	active   []*fleetv1.Lease
	said     []bus.Delivery // and not yet delivered
}

var loggers = []string{"", "http", "store", "store.rls", "store.rls.row", "storehouse"}

func pick[T any](m *mesh, all ...T) T { return all[m.IntN(len(all))] }

// change sets a lease or drops one, and says so.
func (m *mesh) change() {
	m.revision++
	if len(m.active) > 0 && m.IntN(3) == 0 {
		i := m.IntN(len(m.active))
		m.said = append(m.said, said(m.t, m.revision, "drop", m.active[i].GetId(), ""))
		m.active = append(m.active[:i:i], m.active[i+1:]...)
		return
	}
	l := &fleetv1.Lease{Id: fmt.Sprintf("l%d", m.revision), Revision: m.revision, Kind: "level", Logger: pick(m, loggers...),
		Service: pick(m, "", "catalogs", "catalogs", "gateway"), Value: pick(m, "DEBUG", "INFO", "WARN", "ERROR", "DEBUG-2"), Remaining: durationpb.New(time.Minute)}
	if l.GetService() != "" {
		l.Instance = pick(m, "", l.GetService()+"-1", l.GetService()+"-2")
	}
	m.active = append(m.active, l)
	m.said = append(m.said, said(m.t, m.revision, "set", l.GetId(), l.GetValue(), func(all map[string]any) {
		in := all["lease"].(map[string]any)
		in["service"], in["instance"], in["logger"] = l.GetService(), l.GetInstance(), l.GetLogger()
	}))
}

// effective is the law, told plainly: of the leases that are for the instance and the logger, the one with the more
// specific logger wins, then the one with the more specific target, then the newer.
func (m *mesh) effective(logger string) string {
	best, rank := slog.LevelInfo.String(), ""
	for _, l := range m.active {
		forUs := (l.GetService() == "" || l.GetService() == "catalogs") && (l.GetInstance() == "" || l.GetInstance() == "catalogs-1")
		above := l.GetLogger() == "" || logger == l.GetLogger() || strings.HasPrefix(logger, l.GetLogger()+".")
		target := 0
		if l.GetInstance() != "" {
			target = 2
		} else if l.GetService() != "" {
			target = 1
		}
		if r := fmt.Sprintf("%03d %d %09d", len(l.GetLogger()), target, l.GetRevision()); forUs && above && r > rank {
			best, rank = l.GetValue(), r
		}
	}
	return best
}

func (m *mesh) holds(a *Agent, table *level.Table, when string) {
	m.t.Helper()
	for _, logger := range loggers {
		if got, want := table.Var(logger).Level().String(), m.effective(logger); got != want {
			m.t.Fatalf("%s, revision %d (heard: %d): %q is at %s, want %s", when, m.revision, a.leases.seen(), logger, got, want)
		}
	}
}

// Whatever is lost, comes late, twice or in another order: after the next Sync what holds is what the leases say, and
// what was said before it changes nothing any more. With nothing lost, that is so without a Sync, unless one is asked for.
func TestOverlappingLeasesHaveOneOrder(t *testing.T) {
	t.Parallel()
	m, asked := &mesh{Rand: seed.New(t), t: t}, 0
	for round := range seed.Runs(20, 2000) {
		*m = mesh{Rand: m.Rand, t: t}
		v := &view{answers: func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
			return answering(m.revision, m.active...)(nil)
		}}
		a, _, _ := agent(t, v)
		table := level.NewTable(level.Spec{Root: slog.LevelInfo})
		a.leases.effects[lease.Level] = LevelEffect(level.NewSources(table, Source))
		deliver := func(d bus.Delivery) {
			if err := a.onControl(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		lossy := round%2 == 0
		for range 60 {
			for range 1 + m.IntN(4) {
				m.change()
			}
			if !lossy { // overtaken at most
				m.Shuffle(len(m.said), func(i, j int) { m.said[i], m.said[j] = m.said[j], m.said[i] })
				for _, d := range m.said {
					deliver(d)
				}
				m.said = nil
				if !a.leases.heard.whole() {
					asked++
					if err := a.Sync(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				m.holds(a, table, "with all delivered")
				continue
			}
			for range m.IntN(5) {
				d := pick(m, m.said...)
				deliver(d)
			}
			if m.IntN(3) > 0 {
				continue
			}
			if err := a.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			m.holds(a, table, "after a sync")
			for range m.IntN(2 * len(m.said)) {
				deliver(pick(m, m.said...))
			}
			m.holds(a, table, "after old messages")
		}
	}
	t.Logf("of %d rounds of overtaken messages, %d needed a sync", 60*seed.Runs(20, 2000)/2, asked)
}

// Two replicas tell of two changes of one target, and their messages overtake one another: both are answered as applied,
// and the newer holds.
func TestTwoOperatorsAtOnce(t *testing.T) {
	t.Parallel()
	for _, order := range [][]int64{{1, 2}, {2, 1}} {
		a, levels, _ := agent(t, &view{answers: answering(0)})
		for _, revision := range order {
			d := said(t, revision, "set", fmt.Sprint(revision), map[int64]string{1: "DEBUG", 2: "ERROR"}[revision])
			if mine, err := a.apply(mustOpen(t, a, d)); !mine || err != nil {
				t.Errorf("in the order %v, %d is answered with %v", order, revision, err)
			}
		}
		if levels.is() != "1:=DEBUG 2:=ERROR" {
			t.Errorf("in the order %v: %q", order, levels.is())
		}
	}
}

func TestAMessageIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	a, levels, _ := agent(t, &view{answers: answering(0)})
	edit := func(key string, value any) func(map[string]any) {
		return func(m map[string]any) { m["lease"].(map[string]any)[key] = value }
	}
	for i, c := range []struct {
		edit func(map[string]any)
		want string
	}{
		{edit("kind", "weather"), `this version knows no leases of the kind "weather"`},
		{edit("kind", ""), `this version knows no leases of the kind ""`},
		{edit("value", strings.Repeat("x", lease.MaxValue+1)), "the value is larger than 4 KiB"},
		{edit("value", "loud"), `"loud" is no level`},
		{edit("value", strings.Repeat("x", 100)), fmt.Sprintf("%q is no level", strings.Repeat("x", 40))},
	} {
		if _, err := a.apply(mustOpen(t, a, said(t, int64(i+1), "set", fmt.Sprint(i), "DEBUG", c.edit))); err == nil || err.Error() != c.want {
			t.Errorf("%d: %v, want %s", i, err, c.want)
		}
		if _, err := a.apply(mustOpen(t, a, said(t, int64(i+1), "set", fmt.Sprint(i), "DEBUG"))); err == nil || err.Error() != c.want {
			t.Errorf("%d: a repetition is answered with %v", i, err)
		}
	}
	if levels.is() != "" {
		t.Errorf("levels are %q", levels.is())
	}
}
