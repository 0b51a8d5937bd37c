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
	Waiting  int                // due times that wait for their turn, or for an end
	Released int                // waiting fires that were let go
	Retried  int

	NextDue     time.Time // of any schedule, after this pass; zero: none
	NextTry     time.Time // of a fire that is published again; zero: none
	NextRelease time.Time // of a waiting fire; zero: none, or when something ends
	Complete    bool      // nothing due was left for the next pass
	Many        bool      // schedules are due at NextDue: it is worth preparing

	Took time.Duration // of a pass ahead of its time: to prepare it
}

// Count a fire that the pass ended, and not in done.
func (p *Pass) Count(f api.Fire) {
	if f.State == api.Skipped {
		p.Skipped[f.Reason] += f.Missed
	} else {
		p.Failed[f.Reason]++
	}
}

// Idle reports that the pass found nothing to do.
func (p Pass) Idle() bool {
	return p.Fired+p.Waiting+p.Released+p.Retried == 0 && len(p.Skipped) == 0 && len(p.Failed) == 0
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
	for _, at := range []time.Time{p.NextDue, p.NextTry, p.NextRelease} {
		if !at.IsZero() {
			limit = min(limit, max(0, at.Sub(p.Now)))
		}
	}
	return limit
}

// Level is how many fires stand so.
type Level struct {
	State  api.State
	Waits  api.Reason // what a waiting one waits for
	Number int
}
