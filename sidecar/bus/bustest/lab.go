package bustest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// delays are the usual ones at a fiftieth.
func delays() []time.Duration {
	return []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 160 * time.Millisecond}
}

const patience = 20 * time.Second

// lab is one test's broker and what it opened there.
type lab struct {
	t      *testing.T
	broker Broker
}

// checkLeaks fails the test when a goroutine outlives what is cleaned up after this call.
func checkLeaks(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func (l *lab) open(instance string) bus.Bus {
	l.t.Helper()
	return l.openClient(bus.Client{Service: "lab", Instance: instance})
}

// openClient opens a client that is connected, and closed at the test's end.
func (l *lab) openClient(c bus.Client) bus.Bus {
	l.t.Helper()
	c.RetryDelays = delays()
	b, err := l.broker.Open(c)
	if err != nil {
		l.t.Fatalf("open client: %v", err)
	}
	l.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := b.Close(ctx); err != nil {
			l.t.Errorf("close client %s: %v", c.Instance, err)
		}
	})
	l.eventually("a connection", func() bool { return b.Ready() == nil })
	return b
}

// subscribe with Events as the exchange unless the subscription says else.
func (l *lab) subscribe(b bus.Bus, s bus.Subscription) func(context.Context) error {
	l.t.Helper()
	if s.Exchange == "" && len(s.Keys) > 0 {
		s.Exchange = bus.Events
	}
	stop, err := b.Subscribe(l.t.Context(), s)
	if err != nil {
		l.t.Fatalf("subscribe %s: %v", s.Queue, err)
	}
	return stop
}

func (l *lab) publish(b bus.Bus, p bus.Publication) {
	l.t.Helper()
	if err := b.Publish(l.t.Context(), p); err != nil {
		l.t.Fatalf("publish %s %s: %v", p.Exchange, p.Key, err)
	}
}

func (l *lab) eventually(what string, ok func() bool) {
	l.t.Helper()
	eventually(l.t, patience, what, ok)
}

// eventually polls: the suite is no _test file and may not use the tests' own kit.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(limit)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		if ok() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
		timer.Reset(2 * time.Millisecond)
	}
}

// event number n of a kind; its payload says so again.
func event(kind string, n int) bus.Event {
	return bus.Event{ID: fmt.Sprintf("%s-%d", kind, n), Type: kind, Data: payload(kind, n)}
}

func payload(kind string, n int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"kind":%q,"n":%d}`, kind, n))
}

func to(key string, e bus.Event) bus.Publication {
	return bus.Publication{Exchange: bus.Events, Key: key, Event: e}
}

// record collects deliveries.
type record struct {
	mu  sync.Mutex
	all []bus.Delivery
}

func (r *record) add(d bus.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, d)
}

// handle is a bus.Handler that succeeds.
func (r *record) handle(_ context.Context, d bus.Delivery) error { r.add(d); return nil }

func (r *record) deliveries() []bus.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *record) len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// ids in the order of arrival.
func (r *record) ids() []string {
	var ids []string
	for _, d := range r.deliveries() {
		ids = append(ids, d.ID)
	}
	return ids
}

// await waits for n deliveries, and for no more than that a moment later.
func (l *lab) await(r *record, n int) []bus.Delivery {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%d deliveries", n), func() bool { return r.len() >= n })
	all := r.deliveries()
	if len(all) != n {
		l.t.Fatalf("got %d deliveries, want %d", len(all), n)
	}
	return all
}
