package leader_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/leader"
)

// A candidate whose bus is there, and has been for a while, relieves a leader that holds; one whose own is away does not,
// and leaves it to others to stand.
func TestOnlyAFitCandidateRelieves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		back := began.Add(20 * time.Second)
		var stood, relieved []time.Time
		l := leader.New(leader.Settings{
			Ready:    func() bool { return !time.Now().Before(back) },
			Campaign: func(context.Context) (leader.Term, error) { stood = append(stood, time.Now()); return nil, nil },
			Relieve:  func(context.Context) (bool, error) { relieved = append(relieved, time.Now()); return true, nil },
		})
		run(t, l, time.Minute)
		if len(relieved) == 0 || relieved[0].Sub(back) < 5*time.Second || relieved[0].Sub(back) > 9*time.Second {
			t.Errorf("relieved at %v; its bus came back at %s", relieved, back)
		}
		away := 0
		for _, at := range stood {
			if at.Before(back) {
				away++
			}
		}
		if away < 7 || away > 10 || len(stood)-away < 50 {
			t.Errorf("stood %d times while its bus was away, %d times after", away, len(stood)-away)
		}
	})
}
