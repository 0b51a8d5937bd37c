package plan_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// However often somebody looks: never more than CatchUp fires in any second, all of them in the end, and no second is
// left unused while somebody looks when it was said that he should.
func TestReleaseKeepsTheBoundPerSecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := plan.Schedule{Schedule: timed.Schedule{CatchUp: rapid.IntRange(1, 1000).Draw(t, "rate")}.WithDefaults()}
		waiting := make([]plan.Head, rapid.IntRange(1, 3000).Draw(t, "waiting"))
		for i := range waiting {
			waiting[i].Reason = api.WaitsCatchUp
		}
		total := len(waiting)
		now := start
		var gone []time.Time
		for len(waiting) > 0 {
			most, _ := s.Pace()
			n, at, after := s.Release(waiting[:min(len(waiting), most+1)], nil, now)
			for range n {
				gone = append(gone, now)
			}
			waiting = waiting[n:]
			if len(waiting) > 0 && (n == 0 || at.Before(after) || !at.After(now)) {
				t.Fatalf("%d let go, look again at %s, not before %s, now %s", n, at, after, now)
			}
			now = at.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "late")) * time.Millisecond)
		}
		for i := range gone {
			if next := i + s.CatchUp; next < len(gone) && gone[next].Sub(gone[i]) < time.Second {
				t.Fatalf("%d and one more in %s", s.CatchUp, gone[next].Sub(gone[i]))
			}
		}
		if len(gone) != total {
			t.Fatalf("%d of %d", len(gone), total)
		}
	})
}

func TestReleaseWaits(t *testing.T) {
	t.Parallel()
	head := plan.Head{Reason: api.WaitsOverlap, Since: start}
	window := plan.Cause{Reason: api.ReasonWindow, From: start.Add(-time.Hour), To: start.Add(time.Hour)}
	for _, c := range []struct {
		name     string
		s        timed.Schedule
		paused   bool
		open     int
		head     plan.Head
		windows  []plan.Cause
		after    time.Duration
		released int
		at       time.Time
	}{
		{"nothing open", timed.Schedule{Overlap: timed.OverlapBufferOne}, false, 0, head, nil, 0, 1, time.Time{}},
		{"something open", timed.Schedule{Overlap: timed.OverlapBufferOne}, false, 1, head, nil, 0, 0, time.Time{}},
		{"catching up, something open", timed.Schedule{Overlap: timed.OverlapSkip}, false, 1, plan.Head{Reason: api.WaitsCatchUp}, nil, 0, 0, time.Time{}},
		{"paused", timed.Schedule{Overlap: timed.OverlapBufferOne}, true, 0, head, nil, 0, 0, time.Time{}},
		{"told to end", timed.Schedule{Overlap: timed.OverlapCancel}, false, 1, head, nil, 0, 0, start.Add(time.Minute)},
		{"told to end, and has not", timed.Schedule{Overlap: timed.OverlapCancel}, false, 1, head, nil, time.Minute, 1, time.Time{}},
		{"in a window that holds", timed.Schedule{InWindow: timed.InWindowHold}, false, 0, head, []plan.Cause{window}, 0, 0, window.To},
		{"in a window that does not", timed.Schedule{}, false, 0, head, []plan.Cause{window}, 0, 1, time.Time{}},
	} {
		s := plan.Schedule{Schedule: c.s.WithDefaults(), Paused: c.paused, Open: c.open}
		n, at, _ := s.Release([]plan.Head{c.head}, c.windows, start.Add(c.after))
		if n != c.released || !at.Equal(c.at) {
			t.Errorf("%s: %d at %s", c.name, n, at)
		}
	}
}
