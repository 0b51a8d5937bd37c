package sidecar

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// TestG2_DeadlockEndsLiveness: a lock that is never given back turns /liveness within 30 s, and nothing else does.
func TestG2_DeadlockEndsLiveness(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := health.New(health.Settings{})
		live := func() int {
			w := httptest.NewRecorder()
			h.Liveness().ServeHTTP(w, httptest.NewRequest("GET", "/liveness", nil))
			return w.Code
		}
		held, stopped := make(chan struct{}, 1), make(chan struct{}) // held is a lock for which the bubble's clock goes on
		look := func() {
			held <- struct{}{}
			<-held
		}
		go beatWhile(stopped, h.Watchdog("pulse", pulseLimit), []func(){look})
		<-time.After(10 * time.Minute)
		if live() != 200 {
			t.Error("a process that goes on is called stuck")
		}
		held <- struct{}{} // and never taken out
		began := time.Now()
		for live() == 200 && time.Since(began) < time.Minute {
			<-time.After(time.Second)
		}
		took := time.Since(began)
		t.Logf("METRIC liveness_after_deadlock_seconds=%.0f limit=30", took.Seconds())
		if took > 30*time.Second { // by the bubble's clock
			t.Errorf("a deadlock is seen after %v", took)
		}
		<-held
		close(stopped)
	})
}
