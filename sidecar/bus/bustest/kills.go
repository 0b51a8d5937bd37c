package bustest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// ledger holds the conservation law: acknowledged ⊆ delivered ⊆ issued, payloads equal.
type ledger struct {
	mu        sync.Mutex
	issued    map[string]string // id to payload
	acked     map[string]bool
	delivered map[string]int
	failures  int
	bad       []string
}

func newLedger() *ledger {
	return &ledger{issued: map[string]string{}, acked: map[string]bool{}, delivered: map[string]int{}}
}

// handle fails the first try of every seventh event, so that retries are under way when the broker dies.
func (g *ledger) handle(_ context.Context, d bus.Delivery) error {
	if h := fnv.New32(); d.Attempt == 1 {
		_, _ = h.Write([]byte(d.ID))
		if h.Sum32()%7 == 0 {
			return errNotToday
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if want, known := g.issued[d.ID]; !known || want != string(d.Data) {
		g.bad = append(g.bad, d.ID)
	}
	g.delivered[d.ID]++
	return nil
}

func (g *ledger) issue(e bus.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.issued[e.ID] = string(e.Data)
}

func (g *ledger) answer(id string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.failures++
		return
	}
	g.acked[id] = true
}

func (g *ledger) missing() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range g.acked {
		if g.delivered[id] == 0 {
			n++
		}
	}
	return n
}

// world is a killable broker with a sender and a receiver that are there after each kill.
type world struct {
	*lab
	mortal     Mortal
	reconnects bool
	ledger     *ledger
	sender     atomic.Pointer[bus.Bus]
}

// client opens one without waiting for it, and without minding its end: it may die with its broker.
func (w *world) client(instance string) bus.Bus {
	b, err := w.mortal.Open(bus.Client{Service: "lab", Instance: instance, RetryDelays: delays()})
	if err != nil {
		w.t.Fatalf("open client: %v", err)
	}
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = b.Close(ctx)
	})
	return b
}

func (w *world) populate() {
	w.subscribe(w.client("receiver"), bus.Subscription{Queue: "lab.load", Keys: []string{"load"}, Handler: w.ledger.handle})
	sender := w.client("sender")
	w.eventually("the load's queue", func() bool {
		e := event("probe", rand.Int())
		w.ledger.issue(e)
		return sender.Publish(w.t.Context(), to("load", e)) == nil
	})
	w.sender.Store(&sender)
	w.mortal.Settle(w.t)
}

// publish tries the same id until the bus takes it: what is not acknowledged is sent again.
func (w *world) publish(e bus.Event) {
	w.ledger.issue(e)
	for w.t.Context().Err() == nil {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		err := (*w.sender.Load()).Publish(ctx, to("load", e))
		cancel()
		w.ledger.answer(e.ID, err)
		if err == nil {
			return
		}
		pauseAfter(err)
	}
}

// pauseAfter keeps a sender whose bus is dead, and says so at once, from spinning.
func pauseAfter(err error) {
	if !errors.Is(err, context.DeadlineExceeded) {
		<-time.After(5 * time.Millisecond)
	}
}

// testKillUnderLoad kills the broker under load, again and again (B-1).
func testKillUnderLoad(t *testing.T, h Harness) {
	checkLeaks(t)
	m := h.NewMortal(t)
	w := &world{lab: &lab{t, m}, mortal: m, reconnects: h.Reconnects, ledger: newLedger()}
	w.populate()
	stop := make(chan struct{})
	var load sync.WaitGroup
	for sender := range 10 {
		load.Go(func() { w.load(sender, stop) })
	}
	var count int
	for range h.Kills {
		w.traffic(300 + rand.IntN(300))
		m.Kill(t)
		w.failures()
		m.Start(t)
		if !h.Reconnects {
			w.populate()
		}
		count++
	}
	w.traffic(300)
	close(stop)
	load.Wait()
	w.eventually("all acknowledged events", func() bool { return w.ledger.missing() == 0 })
	w.verdict(count)
}

// load sends about 1,000 events a second together with its nine brothers.
func (w *world) load(sender int, stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		w.publish(event(fmt.Sprintf("load-%d", sender), n))
		timer.Reset(10 * time.Millisecond)
	}
}

// traffic waits until n more events were acknowledged.
func (w *world) traffic(n int) {
	w.t.Helper()
	acked := func() int {
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		return len(w.ledger.acked)
	}
	goal := acked() + n
	eventually(w.t, time.Minute, "traffic", func() bool { return acked() >= goal })
}

// failures waits until the fault is felt.
func (w *world) failures() {
	w.t.Helper()
	felt := func() int {
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		return w.ledger.failures
	}
	before := felt()
	w.eventually("a publish to fail", func() bool { return felt() > before })
}

func (w *world) verdict(kills int) {
	g := w.ledger
	g.mu.Lock()
	defer g.mu.Unlock()
	again := 0
	for _, n := range g.delivered {
		if n > 1 {
			again++
		}
	}
	if len(g.bad) > 0 {
		w.t.Errorf("%d events were invented or changed: %v", len(g.bad), g.bad[:1])
	}
	if kills == 0 || g.failures == 0 {
		w.t.Errorf("%d kills made %d publishes fail: the faults did not happen", kills, g.failures)
	}
	w.t.Logf("METRIC bus_confirmed_lost=0 limit=0 (%d issued, %d confirmed, %d publishes failed, %d delivered more than once, %d kills)",
		len(g.issued), len(g.acked), g.failures, again, kills)
}

// testRestoration: everything is back after a restart without anybody's doing (B-4).
func testRestoration(t *testing.T, h Harness) {
	checkLeaks(t)
	m := h.NewMortal(t)
	w := &world{lab: &lab{t, m}, mortal: m, reconnects: h.Reconnects, ledger: newLedger()}
	w.populate()
	var control record
	exclusive := func() {
		w.subscribe(w.client("listener"), bus.Subscription{Queue: "lab.listener.control", Exchange: bus.Control, Exclusive: true, Handler: control.handle})
	}
	exclusive()
	m.Kill(t)
	m.Start(t)
	began := time.Now()
	if !h.Reconnects {
		w.populate()
		exclusive()
	}
	w.publish(event("first", 1))
	w.eventually("the first event after the restart", func() bool { return w.ledger.missing() == 0 })
	t.Logf("METRIC bus_restored_seconds=%.3f limit=3", time.Since(began).Seconds())
	sender := *w.sender.Load()
	w.eventually("the control queue's return", func() bool {
		return sender.Publish(t.Context(), bus.Publication{Exchange: bus.Control, Event: event("control", 1)}) == nil
	})
	w.eventually("a control event", func() bool { return control.len() > 0 })
}

// testPublishWhileAway: the context bounds a publish without a broker; a subscription made meanwhile stands
// when the broker is back.
func testPublishWhileAway(t *testing.T, h Harness) {
	checkLeaks(t)
	m := h.NewMortal(t)
	l := &lab{t, m}
	a := l.open("a")
	m.Settle(t)
	m.Kill(t)
	l.eventually("the loss to be seen", func() bool { return a.Ready() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := a.Publish(ctx, to("away", event("away", 1)))
	if !errors.Is(err, bus.ErrNotTaken) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish while away: %v", err)
	}
	t.Logf("METRIC bus_publish_while_away_seconds=%.3f limit=0.200", time.Since(began).Seconds())
	var got record
	l.subscribe(a, bus.Subscription{Queue: "lab.away", Keys: []string{"away"}, Handler: got.handle})
	m.Start(t)
	l.eventually("the subscription", func() bool { return a.Publish(t.Context(), to("away", event("away", 2))) == nil })
	l.eventually("its event", func() bool { return got.len() > 0 })
}
