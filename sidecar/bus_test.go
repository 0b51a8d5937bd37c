package sidecar_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// refusingBus is connected, and refuses subscriptions for as long as it likes.
type refusingBus struct {
	bus.Bus
	relents *atomic.Bool
}

func (b refusingBus) Subscribe(context.Context, bus.Subscription) (func(context.Context) error, error) {
	if !b.relents.Load() {
		return nil, errors.New("inequivalent arg")
	}
	return func(context.Context) error { return nil }, nil
}

func (refusingBus) Ready() error { return nil }

func (refusingBus) Close(context.Context) error { return nil }

// A queue that the broker refuses is seen on /hc, and taken when the broker relents.
func TestRefusedSubscriptionIsSeen(t *testing.T) {
	t.Parallel()
	var relents atomic.Bool
	s := build(t, t.Context(), config(t), sidecar.Settings{Bus: func(bus.Client) (bus.Bus, error) { return refusingBus{relents: &relents}, nil }})
	s.Subscribe(bus.Subscription{Queue: "orders.paid"})
	run(t, s)
	check := func() health.CheckReport {
		for _, c := range s.Health().Report().Checks {
			if c.Name == "bus" {
				return c
			}
		}
		return health.CheckReport{}
	}
	wait.For(t, limit, "the bus's check to fail", func() bool { return check().Status == health.Down })
	if text := check().Error; !strings.Contains(text, "orders.paid") || !strings.Contains(text, "inequivalent arg") {
		t.Errorf("the check says %q, want queue and cause", text)
	}
	relents.Store(true)
	wait.For(t, limit, "the bus's check to recover", func() bool { return check().Status == health.Up })
}
