package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// line is a bus of one service in memory and without time of its own, for tests with a clock of their own: what is
// published is kept, and deliveries are handed in by the test.
type line struct {
	bus.Bus
	mu       sync.Mutex
	handlers map[string]bus.Handler // by exchange
	sent     []said
	refuse   int // publishes that fail from now on
	began    time.Time
}

type said struct {
	after time.Duration
	key   string
	timed.Receipt
}

var errAway = errors.New("away")

func (l *line) Subscribe(_ context.Context, s bus.Subscription) (func(context.Context) error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[s.Exchange] = s.Handler
	return func(context.Context) error { return nil }, nil
}

func (l *line) Publish(ctx context.Context, p bus.Publication) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if l.refuse > 0 {
		l.refuse--
		return errAway
	}
	s := said{after: time.Since(l.began), key: p.Key}
	if err := json.Unmarshal(p.Event.Data, &s.Receipt); err != nil {
		return err
	}
	l.sent = append(l.sent, s)
	return nil
}

func (l *line) all() []said {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

func newLine(t *testing.T, h timed.Handler) *line {
	t.Helper()
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "billing", Instance: "billing-1", Bus: l, Declare: declareNothing})
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, h); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop(context.Background()) })
	return l
}

func (l *line) deliver(ctx context.Context, f timed.Fire, try int) error {
	data, _ := json.Marshal(f)
	return l.handlers[bus.Schedule](ctx, bus.Delivery{Event: bus.Event{ID: f.ID, Type: timed.EventFired, Data: data}, Attempt: try})
}

func (l *line) cancel(t *testing.T, id string) {
	t.Helper()
	data, _ := json.Marshal(timed.Cancel{FireID: id, Reason: "the next one comes"})
	if err := l.handlers[bus.Control](t.Context(), bus.Delivery{Event: bus.Event{Type: timed.EventCancel, Data: data}}); err != nil {
		t.Error(err)
	}
}
