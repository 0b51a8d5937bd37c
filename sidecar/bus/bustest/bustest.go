// Package bustest is the conformance suite that every driver of package bus passes, kills included.
package bustest

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// Broker is one broker, or a part of one that nobody else uses.
type Broker interface {
	Open(c bus.Client) (bus.Bus, error)
}

// Mortal is a broker that the test may kill (as kill -9 does) and start again on the same data.
type Mortal interface {
	Broker
	Kill(t testing.TB)
	Start(t testing.TB)
	Settle(t testing.TB) // after queues were declared: they survive a kill from now on
}

// Harness is a driver's side of the suite.
type Harness struct {
	New       func(t testing.TB) Broker
	NewMortal func(t testing.TB) Mortal
	// Reconnects: clients outlive their broker. Else they die with it and are opened anew.
	Reconnects bool
	Kills      int // under load
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *lab)
	}{
		{"PublishSubscribe", testPublishSubscribe},
		{"TraceContext", testTraceContext},
		{"DebugFlow", testDebugFlow},
		{"TopicPatterns", testTopicPatterns},
		{"WorkIsShared", testWorkIsShared},
		{"ControlReachesEveryInstanceInOrder", testControl},
		{"Direct", testDirect},
		{"Light", testLight},
		{"QueueKeepsWhatComesMeanwhile", testQueueKeeps},
		{"PrefetchOneIsInOrder", testInOrder},
		{"TooLarge", testTooLarge},
		{"Closed", testClosed},
		{"RefusedSubscriptions", testRefusedSubscriptions},
		{"B7_UnroutableIsAnError", testUnroutable},
		{"RetriesWithBackoff", testRetries},
		{"ParkAtOnce", testParkAtOnce},
		{"ParkedAndReplayed", testParkedAndReplayed},
		{"ReplayByID", testReplayByID},
		{"B5_PanicAmongGoodOnes", testPanic},
		{"B10_CloseDrains", testCloseDrains},
		{"StopKeepsTheQueue", testStopKeepsQueue},
		{"HandlerThatNeverEnds", testHungHandler},
		{"Expires", testExpires},
	} {
		t.Run(c.name, func(t *testing.T) {
			broker := h.New(t) // what brokers share may be started here, and stay
			checkLeaks(t)
			c.test(t, &lab{t, broker})
		})
	}
	t.Run("B1_KillUnderLoad", func(t *testing.T) { testKillUnderLoad(t, h) })
	t.Run("B4_Restoration", func(t *testing.T) { testRestoration(t, h) })
	if h.Reconnects {
		t.Run("PublishWhileAway", func(t *testing.T) { testPublishWhileAway(t, h) })
	}
}
