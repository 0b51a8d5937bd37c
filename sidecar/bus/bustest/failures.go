package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

var errNotToday = errors.New("not today")

// testUnroutable: 10,000 publishes, every second one without a taker, none silent (B-7).
func testUnroutable(t *testing.T, l *lab) {
	const events, senders = 10_000, 20
	a := l.open("a")
	var got record
	l.subscribe(a, bus.Subscription{Queue: "lab.routed", Keys: []string{"routed"}, Handler: got.handle})
	var slowest atomic.Int64
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for n := sender; n < events; n += senders {
				key, want := "routed", error(nil)
				if n%2 == 1 {
					key, want = "nobody.wants.this", bus.ErrUnroutable
				}
				began := time.Now()
				if err := a.Publish(t.Context(), to(key, event("routed", n))); !errors.Is(err, want) {
					t.Errorf("publish %d with key %s: %v", n, key, err)
				}
				slowest.Store(max(slowest.Load(), int64(time.Since(began))))
			}
		})
	}
	all.Wait()
	l.await(&got, events/2)
	t.Logf("METRIC bus_unroutable_answer_max_seconds=%.3f limit=1", time.Duration(slowest.Load()).Seconds())
}

func testRetries(t *testing.T, l *lab) {
	a := l.open("a")
	var tries, others record
	var at []time.Time
	l.subscribe(a, bus.Subscription{Queue: "lab.flaky", Keys: []string{"flaky.#"}, Handler: func(_ context.Context, d bus.Delivery) error {
		if d.Type != "flaky" {
			others.add(d)
			return nil
		}
		at = append(at, time.Now())
		tries.add(d) // after at: who sees it may read at
		if d.Attempt < 3 {
			return errNotToday
		}
		return nil
	}})
	e := event("flaky", 1)
	e.Headers = map[string]string{"tenant": "blue"}
	l.publish(a, to("flaky.one", e))
	l.publish(a, to("flaky.two", event("other", 1)))
	for i, d := range l.await(&tries, 3) {
		if d.Attempt != i+1 || d.Key != "flaky.one" || d.ID != e.ID || string(d.Data) != string(e.Data) || d.Headers["tenant"] != "blue" {
			t.Errorf("try %d: %+v", i+1, d)
		}
		if i > 0 && at[i].Sub(at[i-1]) < delays()[i-1] {
			t.Errorf("try %d came after %v, want at least %v", i+1, at[i].Sub(at[i-1]), delays()[i-1])
		}
	}
	l.await(&others, 1)
}

func testParkAtOnce(t *testing.T, l *lab) {
	a := l.open("a")
	var tries record
	l.subscribe(a, bus.Subscription{Queue: "lab.hopeless", Keys: []string{"hopeless"}, Handler: func(_ context.Context, d bus.Delivery) error {
		tries.add(d)
		return fmt.Errorf("read it: %w", bus.Park(errNotToday))
	}})
	l.publish(a, to("hopeless", event("hopeless", 1)))
	p := l.parked(a, "lab.hopeless", 1)[0]
	if p.ID != "hopeless-1" || p.Key != "hopeless" || p.Attempt != 1 || !strings.Contains(p.Reason, "not today") || time.Since(p.ParkedAt) > time.Minute {
		t.Errorf("parked %+v", p)
	}
	l.await(&tries, 1)
}

// parked waits for n parked messages.
func (l *lab) parked(b bus.Bus, queue string, n int) (all []bus.Parked) {
	l.t.Helper()
	l.eventually(fmt.Sprintf("%d parked", n), func() bool {
		var err error
		all, err = b.Parked(l.t.Context(), queue, 1000)
		if err != nil {
			l.t.Errorf("list parked: %v", err)
		}
		return len(all) >= n || err != nil
	})
	if len(all) != n {
		l.t.Fatalf("%d parked, want %d", len(all), n)
	}
	return all
}

func testParkedAndReplayed(t *testing.T, l *lab) {
	a := l.open("a")
	var tries, done record
	var well atomic.Bool
	l.subscribe(a, bus.Subscription{Queue: "lab.ill", Keys: []string{"ill"}, Handler: func(_ context.Context, d bus.Delivery) error {
		if well.Load() {
			done.add(d)
			return nil
		}
		tries.add(d)
		return errNotToday
	}})
	const events = 3
	for n := range events {
		l.publish(a, to("ill", event("ill", n)))
	}
	for range 2 { // looking takes nothing away
		l.parked(a, "lab.ill", events)
	}
	if want := events * (len(delays()) + 1); tries.len() != want {
		t.Errorf("%d tries, want %d", tries.len(), want)
		for _, d := range tries.deliveries() {
			t.Logf("%s attempt %d", d.ID, d.Attempt)
		}
	}
	well.Store(true)
	if n, err := a.Replay(t.Context(), "lab.ill"); n != events || err != nil {
		t.Fatalf("replayed %d: %v", n, err)
	}
	for _, d := range l.await(&done, events) {
		if d.Attempt != 1 || d.Key != "ill" {
			t.Errorf("replayed %+v", d)
		}
	}
	l.parked(a, "lab.ill", 0)
}

func testReplayByID(t *testing.T, l *lab) {
	a := l.open("a")
	var well atomic.Bool
	var done record
	l.subscribe(a, bus.Subscription{Queue: "lab.some", Keys: []string{"some"}, Prefetch: 1, Handler: func(_ context.Context, d bus.Delivery) error {
		if well.Load() {
			done.add(d)
			return nil
		}
		return bus.Park(errNotToday)
	}})
	for n := range 5 {
		l.publish(a, to("some", event("some", n)))
	}
	all := l.parked(a, "lab.some", 5)
	for n, p := range all {
		if p.ID != event("some", n).ID {
			t.Errorf("parked place %d is %s: not the oldest first", n, p.ID)
		}
	}
	if two, err := a.Parked(t.Context(), "lab.some", 2); len(two) != 2 || err != nil {
		t.Errorf("parked, at most 2: %d, %v", len(two), err)
	}
	well.Store(true)
	if n, err := a.Replay(t.Context(), "lab.some", "some-1", "some-3", "some-99"); n != 2 || err != nil {
		t.Fatalf("replayed %d: %v", n, err)
	}
	l.await(&done, 2)
	l.parked(a, "lab.some", 3)
}

// testPanic: one event whose handler panics among 999 good ones (B-5).
func testPanic(t *testing.T, l *lab) {
	const events = 1000
	a := l.open("a")
	var tries, good record
	l.subscribe(a, bus.Subscription{Queue: "lab.poison", Keys: []string{"poison"}, Handler: func(_ context.Context, d bus.Delivery) error {
		if d.ID == "poison-500" {
			tries.add(d)
			panic("poisoned")
		}
		good.add(d)
		return nil
	}})
	for n := range events {
		l.publish(a, to("poison", event("poison", n)))
	}
	p := l.parked(a, "lab.poison", 1)[0]
	if p.ID != "poison-500" || !strings.Contains(p.Reason, "panicked: poisoned") {
		t.Errorf("parked %s: %s", p.ID, p.Reason)
	}
	l.await(&tries, len(delays())+1)
	l.await(&good, events-1)
}

// testCloseDrains: handlers in flight end before Close does, may publish until then, and nothing is
// delivered a second time (B-10).
func testCloseDrains(t *testing.T, l *lab) {
	const events = 20
	a, b := l.open("a"), l.open("b")
	var begun, ended atomic.Int64
	release := make(chan struct{})
	l.subscribe(a, bus.Subscription{Queue: "lab.results", Keys: []string{"result"}, Handler: func(context.Context, bus.Delivery) error { return nil }})
	l.subscribe(b, bus.Subscription{Queue: "lab.slow", Keys: []string{"slow"}, Prefetch: events, Handler: func(ctx context.Context, d bus.Delivery) error {
		begun.Add(1)
		<-release
		if err := b.Publish(ctx, to("result", event("result", 1))); err != nil {
			t.Errorf("publish while draining: %v", err)
		}
		ended.Add(1)
		return nil
	}})
	for n := range events {
		l.publish(a, to("slow", event("slow", n)))
	}
	l.eventually("handlers in flight", func() bool { return begun.Load() == events })
	closed := make(chan error, 1)
	go func() { closed <- b.Close(t.Context()) }()
	select {
	case err := <-closed:
		t.Fatalf("closed with handlers in flight: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := <-closed; err != nil || ended.Load() != events {
		t.Fatalf("close: %v, %d of %d handlers ended", err, ended.Load(), events)
	}
	var again record
	l.subscribe(l.open("c"), bus.Subscription{Queue: "lab.slow", Keys: []string{"slow"}, Prefetch: 1, Handler: again.handle})
	l.publish(a, to("slow", event("last", 1)))
	if d := l.await(&again, 1); d[0].ID != "last-1" {
		t.Errorf("delivered again: %s", d[0].ID)
	}
}

func testStopKeepsQueue(t *testing.T, l *lab) {
	a := l.open("a")
	var got, later record
	stop := l.subscribe(a, bus.Subscription{Queue: "lab.paused", Keys: []string{"paused"}, Handler: got.handle})
	l.publish(a, to("paused", event("paused", 1)))
	l.await(&got, 1)
	for range 2 {
		if err := stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l.publish(a, to("paused", event("paused", 2)))
	l.subscribe(a, bus.Subscription{Queue: "lab.paused", Keys: []string{"paused"}, Handler: later.handle})
	l.await(&later, 1)
	l.await(&got, 1)
}

// testHungHandler: ctx bounds stop, and the handler's context ends with it.
func testHungHandler(t *testing.T, l *lab) {
	a := l.open("a")
	begun, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	stop := l.subscribe(a, bus.Subscription{Queue: "lab.hung", Keys: []string{"hung"}, Handler: func(ctx context.Context, d bus.Delivery) error {
		begun <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return ctx.Err()
	}})
	l.publish(a, to("hung", event("hung", 1)))
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop with a hung handler: %v", err)
	}
	<-ended
}

// testExpires: what nobody handled in time is parked, not lost.
func testExpires(t *testing.T, l *lab) {
	a := l.open("a")
	var got record
	sub := bus.Subscription{Queue: "lab.late", Keys: []string{"late"}, Handler: got.handle}
	if err := l.subscribe(a, sub)(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := to("late", event("late", 1))
	p.Expires = 20 * time.Millisecond
	l.publish(a, p)
	<-time.After(40 * time.Millisecond) // what passes is the message's own time, not a step of the test
	l.subscribe(a, sub)
	if p := l.parked(a, "lab.late", 1)[0]; p.ID != "late-1" || p.Reason != "expired" {
		t.Errorf("parked %+v", p)
	}
	l.await(&got, 0)
}
