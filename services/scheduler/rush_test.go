package scheduler

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
)

func someFires(n int) []outbox.Outcome {
	all := make([]outbox.Outcome, n)
	for i := range all {
		all[i].Publication.Exchange = bus.Schedule
	}
	return append(all, outbox.Outcome{Publication: bus.Publication{Exchange: bus.Events}})
}

// Receipts wait while many fires are on their way, until the last is published or the rush has lasted long enough; and
// a planner that never catches up has one rush, not one after the other.
func TestReceiptsWaitForARush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r rush
		waited := func() time.Duration {
			began := time.Now()
			r.wait(t.Context())
			return time.Since(began)
		}
		r.published(someFires(3)) // of others
		r.planned(plan.Pass{Fired: manyFires - 1, Complete: true})
		if d := waited(); d != 0 {
			t.Errorf("a few fires: %s", d)
		}

		r.planned(plan.Pass{Fired: manyFires})
		ended := make(chan time.Duration)
		go func() { ended <- waited() }()
		<-time.After(10 * time.Millisecond)
		r.published(someFires(manyFires)) // the planner has more
		r.planned(plan.Pass{Fired: 5, Complete: true})
		<-time.After(10 * time.Millisecond)
		r.published(someFires(5))
		if d := <-ended; d != 20*time.Millisecond {
			t.Errorf("until all were published: %s", d)
		}

		r.planned(plan.Pass{Fired: manyFires})
		if d := waited(); d != rushLasts {
			t.Errorf("with a planner that is behind: %s", d)
		}
		r.planned(plan.Pass{Fired: manyFires})
		if d := waited(); d != 0 {
			t.Errorf("a second rush of a planner that is behind: %s", d)
		}
		r.planned(plan.Pass{Fired: manyFires, Complete: true})
		r.planned(plan.Pass{Fired: manyFires, Complete: true})
		if d := waited(); d != rushLasts {
			t.Errorf("others publish them: %s", d)
		}

		r.planned(plan.Pass{Fired: manyFires, Complete: true})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if r.wait(over); time.Since(began) != 0 {
			t.Error("waits for ever at the end")
		}
	})
}
