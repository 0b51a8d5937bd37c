package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// After a long outage much is due at once. One pass takes no more of it than its time allows: else it would be given up,
// begun again from nothing, and given up again, for ever.
func TestC5_ABacklogIsTakenInBoundedPasses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const schedules, ticks, bound = 60, 90, 2100
	all := make([]timed.Schedule, schedules)
	for i := range all {
		all[i] = every(fmt.Sprintf("n%d", i), 1)
		all[i].Misfire = timed.MisfireAll
	}
	f.declare(t, all...)
	now := time.Now().Truncate(time.Second)
	f.exec(t, `UPDATE schedules SET next_due = $1, look_at = $1`, now.Add(-(ticks-1)*time.Second))
	term := f.lead(t, "s")
	fired, passes := 0, 0
	for complete := false; !complete; passes++ {
		p := pass(t, term, now)
		if fired, complete = fired+p.Fired+p.Waiting, p.Complete; p.Fired+p.Waiting > bound {
			t.Fatalf("one pass took %d due times, at most %d are expected", p.Fired+p.Waiting, bound)
		}
	}
	t.Logf("METRIC c5_lost=%d limit=0 (%d passes)", schedules*ticks-fired, passes)
	if fired != schedules*ticks || len(f.fires(t, "billing.n7")) != ticks {
		t.Errorf("%d of %d due times are fired or wait", fired, schedules*ticks)
	}
}
