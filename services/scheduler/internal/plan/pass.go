package plan

import (
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// Pass is what one transaction of the planner did.
type Pass struct {
	Now      time.Time // by the server's clock
	Fired    int
	Late     []time.Duration    // of each fired one: from due to planned
	Skipped  map[api.Reason]int // due times
	Failed   map[api.Reason]int // fires that ended so
	Retried  int
	NextDue  time.Time // of any schedule, after this pass; zero: none
	NextTry  time.Time // of a fire nobody took; zero: none
	Complete bool      // nothing due was left for the next pass
}

// Idle reports that the pass found nothing to do.
func (p Pass) Idle() bool {
	return p.Fired == 0 && len(p.Skipped) == 0 && len(p.Failed) == 0 && p.Retried == 0
}

// Wait is how long after the pass the planner is needed again, at most limit. What is left over is needed at
// once; if others hold it locked, a moment later.
func (p Pass) Wait(limit time.Duration) time.Duration {
	switch {
	case !p.Complete && p.Idle():
		return min(limit, 20*time.Millisecond)
	case !p.Complete:
		return 0
	}
	for _, at := range []time.Time{p.NextDue, p.NextTry} {
		if !at.IsZero() {
			limit = min(limit, max(0, at.Sub(p.Now)))
		}
	}
	return limit
}
