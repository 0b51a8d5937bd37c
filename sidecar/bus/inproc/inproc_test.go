package inproc_test

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/bustest"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
)

// mortal is a broker whose folder outlives it.
type mortal struct {
	dir    string
	broker *inproc.Broker
}

func newMortal(t testing.TB) bustest.Mortal {
	m := &mortal{dir: t.TempDir()}
	m.Start(t)
	t.Cleanup(func() {
		if err := m.broker.Close(); err != nil {
			t.Errorf("close broker: %v", err)
		}
	})
	return m
}

func (m *mortal) Open(c bus.Client) (bus.Bus, error) { return m.broker.Open(c) }

func (m *mortal) Start(t testing.TB) {
	t.Helper()
	b, err := inproc.New(inproc.Settings{Dir: m.dir})
	if err != nil {
		t.Fatalf("open broker: %v", err)
	}
	m.broker = b
}

// Settle has nothing to do: a queue is on disk before Subscribe returns.
func (m *mortal) Settle(testing.TB) {}

func (m *mortal) Kill(t testing.TB) {
	t.Helper()
	if err := m.broker.Crash(); err != nil {
		t.Fatalf("crash broker: %v", err)
	}
}

func TestConformance(t *testing.T) {
	bustest.Run(t, bustest.Harness{
		New:       func(t testing.TB) bustest.Broker { return newMortal(t) },
		NewMortal: newMortal,
		Kills:     5,
	})
}
