package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// halting is a bus that refuses fires, and has something to deliver from the control exchange at once. As every bus does,
// it waits for the handler when it is stopped.
type halting struct {
	bus.Bus
	notice bus.Delivery
}

func (h halting) Subscribe(_ context.Context, s bus.Subscription) (func(context.Context) error, error) {
	if s.Exchange != bus.Control {
		return nil, errAway
	}
	over := make(chan error, 1)
	go func() { over <- s.Handler(context.Background(), h.notice) }()
	return func(ctx context.Context) error {
		select {
		case err := <-over:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}, nil
}

// A start that fails takes back what it has begun, also with a cancel on its way; it may be tried again then.
func TestAFailingStartWaitsForNoHandlerThatWaitsForIt(t *testing.T) {
	t.Parallel()
	data, _ := json.Marshal(timed.Cancel{FireID: oneFire().ID})
	r := timed.New(timed.Settings{Service: "billing", Instance: "billing-1", Declare: declareNothing,
		Bus: halting{notice: bus.Delivery{Event: bus.Event{Type: timed.EventCancel, Data: data}}}})
	nop := func(context.Context, pg.Tx, timed.Fire) error { return nil }
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, nop); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if err := r.Start(ctx); !errors.Is(err, errAway) || errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := r.Add(timed.Schedule{Name: "billing.open", Every: time.Hour}, nop); err != nil {
		t.Errorf("nothing can be added after a start that failed: %v", err)
	}
}
